package payload

import (
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

func TestErrorsInWords(t *testing.T) {
	tests := []struct {
		name string
		e    *Errors
		want string
	}{
		{"none", nil, "no answer within 5s; a status from 500 on"},
		{"statuses", &Errors{Statuses: []Statuses{{429, 429}, {400, 404}}},
			"no answer within 5s; a status from 500 on; the status 429; a status of 400-404"},
		{"bodies", &Errors{Body: []Rule{{"predictions", IsMissing | IsNotANumber}, {"stack_trace", IsPresent}}},
			"no answer within 5s; a status from 500 on; an answer 2xx with predictions missing or not a number; an answer of any status with stack_trace in it"},
		{"both in one", &Errors{Body: []Rule{{"error", IsPresent | IsMissing}}},
			"no answer within 5s; a status from 500 on; an answer 2xx with error missing; an answer of any status with error in it"},
	}
	for _, tt := range tests {
		if got := tt.e.Sentence(5 * time.Second); got != tt.want {
			t.Errorf("%s: got  %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

func TestReadingInWords(t *testing.T) {
	inputs := kpi.Config{Inputs: []kpi.Input{{Name: "age", Feature: "age"}}}
	tests := []struct {
		name string
		c    Config
		m    kpi.Config
		want string
	}{
		{"plain", Config{}, kpi.Config{},
			"of requests nothing; of answers predictions at predictions, scores at probabilities if they are there, else the predictions"},
		{"inputs", Config{Format: MLflow}, inputs,
			"of requests features at dataframe_split or dataframe_records or instances or inputs; of answers predictions at predictions, which are the scores where they are numbers"},
		{"by its paths", Config{Features: "x", Predictions: "y", Scores: "z", Group: "g", Contract: &tenure}, kpi.Config{},
			"of requests features at x and the group at g; of answers predictions at y, scores at z"},
		{"chats", Config{Format: OpenAI}, kpi.Config{},
			"of requests nothing; of answers predictions at choices.#.message.content, which are the scores where they are numbers"},
	}
	for _, tt := range tests {
		if got := tt.c.Sentence(tt.m); got != tt.want {
			t.Errorf("%s: got  %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

func TestContractInWords(t *testing.T) {
	many := Contract{Extra: ExtraAllow}
	for range columnsNamed + 2 {
		many.Columns = append(many.Columns, Column{Name: "f", Min: limit(-8)})
	}
	for _, tt := range []struct {
		c    Contract
		want string
	}{
		{tenure, "tenure: integer from 0 to 120; charges: number or null; senior: boolean (may be left out); no others"},
		{many, "f, f, f, f, f, f, f, f, f, f, f, f and 2 more: number of at least -8; others may be there"},
		{Contract{Columns: []Column{{Name: "a", Max: limit(1.5)}, {Name: "b", Type: Text}}}, "a: number of at most 1.5; b: text; no others"},
	} {
		if got := tt.c.Sentence(); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}
