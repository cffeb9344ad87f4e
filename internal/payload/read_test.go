package payload

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/kpi"
)

func rows(scores ...float64) []kpi.Row {
	out := make([]kpi.Row, len(scores))
	for i, s := range scores {
		out[i].Score = s
	}
	return out
}

var nan = math.NaN()

// same compares with NaN equal to NaN.
func same(a, b any) bool { return fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b) }

func TestFormats(t *testing.T) {
	second := kpi.Config{Inputs: []kpi.Input{{Name: "x", Feature: "1"}, {Name: "y", Feature: "age"}}}
	tests := []struct {
		name            string
		config          Config
		request, answer string
		rows            []kpi.Row
		inputs          [][]float64
		req, ans        Trouble
	}{
		{"churn", Config{Group: "group"}, `{"features":[[1,2,3],[4,5,6]],"group":"b"}`, `{"predictions":[1,0],"probabilities":[0.75,0.25]}`,
			[]kpi.Row{{Score: 0.75, Group: "b"}, {Score: 0.25, Group: "b"}}, [][]float64{{2, nan}, {5, nan}}, Fine, Fine},
		{"one row, groups by row", Config{Group: "groups"}, `{"features":[1,2,3],"groups":["b"]}`, `{"predictions":[1]}`,
			[]kpi.Row{{Score: 1, Group: "b"}}, [][]float64{{2, nan}}, Fine, Fine},
		{"groups of another length", Config{Group: "groups"}, `{"features":[[1,2]],"groups":["b","a"]}`, `{"predictions":[1]}`, rows(1), [][]float64{{2, nan}}, Lengths, Fine},
		{"pairs of probabilities", Config{}, `{"features":[[1,2],[3,4]]}`, `{"predictions":[0,1],"probabilities":[[0.9,0.1],[0.2,0.8]]}`, rows(0.1, 0.8), [][]float64{{2, nan}, {4, nan}}, Fine, Fine},
		{"both classes of one row", Config{}, `{"features":[[1,2]]}`, `{"predictions":[1],"probabilities":[0.2,0.8]}`, rows(0.8), [][]float64{{2, nan}}, Fine, Fine},
		{"more scores than predictions", Config{}, `{"features":[[1,2]]}`, `{"predictions":[0,1],"probabilities":[0.9]}`, nil, [][]float64{{2, nan}}, Fine, Lengths},
		{"booleans and labels", Config{}, `{"features":[[1,true],[1,"a"],[1,null],[1]]}`, `{"predictions":[true,"churns",null,2]}`,
			rows(1, nan, nan, 2), [][]float64{{1, nan}, {nan, nan}, {nan, nan}, {nan, nan}}, Fine, Fine},
		{"three classes", Config{}, `{"features":[[1,2]]}`, `{"predictions":["x"],"probabilities":[[0.2,0.3,0.5]]}`, rows(nan), [][]float64{{2, nan}}, Fine, Fine},
		{"one prediction", Config{}, `{"features":[[1,2]]}`, `{"predictions":0.5}`, rows(0.5), [][]float64{{2, nan}}, Fine, Fine},
		{"own paths", Config{Features: "in.rows", Predictions: "out.#.y", Scores: "out.#.p"}, `{"in":{"rows":[[1,2]]}}`, `{"out":[{"y":"yes","p":0.7}]}`, rows(0.7), [][]float64{{2, nan}}, Fine, Fine},
		{"a score path with nothing there", Config{Scores: "p"}, `{"features":[[1,2]]}`, `{"predictions":[1]}`, nil, [][]float64{{2, nan}}, Fine, Missing},
		{"no predictions", Config{}, `{"features":[[1,2]]}`, `{"error":"no"}`, nil, [][]float64{{2, nan}}, Fine, Missing},
		{"no features", Config{}, `{"rows":[[1,2]]}`, `{"predictions":[1]}`, rows(1), nil, Missing, Fine},
		{"mlflow split", Config{Format: MLflow}, `{"dataframe_split":{"columns":["age","b"],"data":[[30,1],[40,2]]}}`, `{"predictions":[0.5,0.25]}`, rows(0.5, 0.25), [][]float64{{1, 30}, {2, 40}}, Fine, Fine},
		{"mlflow records", Config{Format: MLflow, Group: "dataframe_records.#.sex"}, `{"dataframe_records":[{"age":30,"sex":"f"},{"sex":"m","age":40}]}`, `{"predictions":[1,0]}`,
			[]kpi.Row{{Score: 1, Group: "f"}, {Score: 0, Group: "m"}}, [][]float64{{nan, 30}, {nan, 40}}, Fine, Fine},
		{"mlflow instances", Config{Format: MLflow}, `{"instances":[[1,2],[3,4]]}`, `{"predictions":[[0.1,0.9],[0.6,0.4]]}`, rows(0.9, 0.4), [][]float64{{2, nan}, {4, nan}}, Fine, Fine},
		{"mlflow inputs by column", Config{Format: MLflow}, `{"inputs":{"age":[30,40],"b":[1,2]}}`, `{"predictions":[1,0]}`, rows(1, 0), [][]float64{{1, 30}, {2, 40}}, Fine, Fine},
		{"kserve", Config{Format: KServeV1}, `{"instances":[[1,2]]}`, `{"predictions":[0.5]}`, rows(0.5), [][]float64{{2, nan}}, Fine, Fine},
		{"oip matrix", Config{Format: OIPV2}, `{"inputs":[{"name":"in","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]}`,
			`{"outputs":[{"name":"out","shape":[2,1],"datatype":"FP32","data":[0.5,0.25]}]}`, rows(0.5, 0.25), [][]float64{{2, nan}, {4, nan}}, Fine, Fine},
		{"oip columns, nested data", Config{Format: OIPV2, Scores: `outputs.#(name=="p")`}, `{"inputs":[{"name":"age","shape":[2],"datatype":"INT64","data":[30,40]},{"name":"b","shape":[2,1],"datatype":"INT64","data":[[1],[2]]}]}`,
			`{"outputs":[{"name":"y","shape":[2],"datatype":"BYTES","data":["a","b"]},{"name":"p","shape":[2,2],"datatype":"FP32","data":[0.9,0.1,0.2,0.8]}]}`,
			rows(0.1, 0.8), [][]float64{{1, 30}, {2, 40}}, Fine, Fine},
		{"kserve records", Config{Format: KServeV1, Predictions: "predictions.#.label", Scores: "predictions.#.score"}, `{"instances":[[1,2]]}`,
			`{"predictions":[{"label":"churn","score":0.7}]}`, rows(0.7), [][]float64{{2, nan}}, Fine, Fine},
		{"oip groups", Config{Format: OIPV2, Scores: `outputs.#(name=="probability")`, Group: `inputs.#(name=="sex").data`},
			`{"inputs":[{"name":"age","shape":[2],"datatype":"INT64","data":[30,40]},{"name":"sex","shape":[2],"datatype":"BYTES","data":["f","m"]}]}`,
			`{"outputs":[{"name":"label","shape":[2],"datatype":"INT64","data":[1,0]},{"name":"probability","shape":[2],"datatype":"FP32","data":[0.7,0.2]}]}`,
			[]kpi.Row{{Score: 0.7, Group: "f"}, {Score: 0.2, Group: "m"}}, [][]float64{{nan, 30}, {nan, 40}}, Fine, Fine},
		{"oip shape that lies", Config{Format: OIPV2}, `{"inputs":[{"name":"in","shape":[3,2],"datatype":"FP32","data":[1,2,3,4]}]}`,
			`{"outputs":[{"name":"out","shape":[1000000,1000000],"datatype":"FP32","data":[0.5]}]}`, nil, nil, Missing, Missing},
		{"openai", Config{Format: OpenAI}, `{"messages":[]}`, `{"choices":[{"message":{"content":"hello"}}],"usage":{"completion_tokens":3}}`, rows(nan), nil, Missing, Fine},
		{"broken request", Config{}, `{"features":[[1,2`, `{"predictions":[1]}`, rows(1), nil, NotJSON, Fine},
		{"NaN asked", Config{}, `{"features":[[1,NaN]]}`, `{"predictions":[1]}`, rows(1), nil, NotFinite, Fine},
		{"NaN answered", Config{}, `{"features":[[1,2]]}`, `{"predictions":[NaN, -Infinity, "NaN"]}`, nil, [][]float64{{2, nan}}, Fine, NotFinite},
		{"another word", Config{}, `{"features":[[1,2]]}`, `{"predictions":[Nope]}`, nil, [][]float64{{2, nan}}, Fine, NotJSON},
		{"too large a number", Config{}, `{"features":[[1,1e999]]}`, `{"predictions":[1e999]}`, rows(nan), [][]float64{{nan, nan}}, Fine, Fine},
		{"binary", Config{}, "\x00\x01\xff", "\x89PNG", nil, nil, Binary, Binary},
		{"empty", Config{}, "", " ", nil, nil, NotJSON, NotJSON},
		{"deep", Config{}, strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat(`{"predictions":`, 70) + "1" + strings.Repeat("}", 70), nil, nil, Deep, Deep},
		{"two values", Config{}, `{} {}`, `[1]]`, nil, nil, NotJSON, NotJSON},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := NewReader(&tt.config, nil, second).Read(Exchange{Status: 200, Request: []byte(tt.request), Answer: []byte(tt.answer)})
			if got.RequestTrouble != tt.req || got.AnswerTrouble != tt.ans {
				t.Errorf("troubles %s, %s; want %s, %s", got.RequestTrouble, got.AnswerTrouble, tt.req, tt.ans)
			}
			if !same(got.Facts.Rows, tt.rows) {
				t.Errorf("rows %v, want %v", got.Facts.Rows, tt.rows)
			}
			if !same(got.Facts.Inputs, tt.inputs) {
				t.Errorf("inputs %v, want %v", got.Facts.Inputs, tt.inputs)
			}
		})
	}
}

// What a refusal holds is neither a prediction nor trouble.
func TestRefusalsHoldNoPredictions(t *testing.T) {
	got := NewReader(&Config{}, nil, kpi.Config{}).Read(Exchange{Status: 400, Answer: []byte(`no {`)})
	if got.AnswerTrouble != Fine || got.Facts.Rows != nil {
		t.Errorf("%+v", got)
	}
}

func TestRowsAreBounded(t *testing.T) {
	list := "[" + strings.Repeat("[1,2],", 2000) + "[1,2]]"
	c, e := Config{Contract: &Contract{Columns: []Column{{Name: "a"}, {Name: "b"}}}}, Errors{Body: []Rule{{"predictions", IsNotPerRow}}}
	got := NewReader(&c, &e, kpi.Config{Inputs: []kpi.Input{{Name: "x", Feature: "b"}}}).
		Read(Exchange{Status: 200, Request: []byte(`{"features":` + list + `}`), Answer: []byte(`{"predictions":` + list + `}`)})
	if len(got.Facts.Rows) != maxRows || len(got.Facts.Inputs) != maxRows || got.Failed || got.Facts.Invalid {
		t.Errorf("%d rows, %d inputs, failed %t, breaches %b", len(got.Facts.Rows), len(got.Facts.Inputs), got.Failed, got.Breaches)
	}
}

func TestRules(t *testing.T) {
	tests := []struct {
		rule, answer string
		status       int
		want         bool
	}{
		{"predictions missing", `{"predictions":[1]}`, 200, false},
		{"predictions missing", `{}`, 200, true},
		{"predictions missing", `{"predictions":null}`, 200, true},
		{"predictions missing", `{"predictions":[]}`, 200, true},
		{"predictions missing", `not JSON`, 200, true},
		{"choices.0.message.content missing", `{"choices":[{"message":{"content":"hello"}}]}`, 200, false},
		{"choices.0.message.content missing", `{"choices":[{"message":{"content":""}}]}`, 200, true},
		{"choices.0.message.content missing", `{"choices":[{"message":{"content":null}}]}`, 200, true},
		{"predictions missing", `{}`, 400, false},
		{"predictions missing", `["a"]`, 200, true},
		{"predictions missing or not a number", `{"predictions":[0.5,1]}`, 200, false},
		{"predictions missing or not a number", `{"predictions":[0.5,null]}`, 200, true},
		{"predictions not a number", `{"predictions":[0.5,NaN]}`, 200, true},
		{"predictions not a number", `{"predictions":[0.5,"0.5"]}`, 200, true},
		{"predictions not a number", `{"predictions":[1e999]}`, 200, true},
		{"predictions not a number", `{"predictions":[[0.5,0.5],[true,false]]}`, 200, false},
		{"predictions not a number", `{}`, 200, true},
		{"outputs.0 not a number", `{"outputs":[{"name":"x","shape":[2],"data":[1,2]}]}`, 200, false},
		{"outputs.0 not a number", `{"outputs":[{"name":"x","shape":[2],"data":[1,null]}]}`, 200, true},
		{"predictions not one per row", `{"predictions":[1,2]}`, 200, false},
		{"predictions not one per row", `{"predictions":[1]}`, 200, true},
		{"stack_trace present", `{"error_code":"BAD_REQUEST","stack_trace":"Traceback"}`, 400, true},
		{"stack_trace present", `{"error_code":"BAD_REQUEST"}`, 400, false},
		{"stack_trace present", `{"stack_trace":null}`, 200, false},
	}
	for _, tt := range tests {
		var rule Rule
		if err := rule.UnmarshalText([]byte(tt.rule)); err != nil {
			t.Fatal(err)
		}
		if rule.String() != tt.rule {
			t.Errorf("%q reads back as %q", tt.rule, rule)
		}
		r := NewReader(&Config{}, &Errors{Body: []Rule{rule}}, kpi.Config{})
		got := r.Read(Exchange{Status: tt.status, Request: []byte(`{"features":[[1,2],[3,4]]}`), Answer: []byte(tt.answer)})
		if got.Failed != tt.want || got.Unchecked {
			t.Errorf("%s on %d %s: %t, want %t", tt.rule, tt.status, tt.answer, got.Failed, tt.want)
		}
	}
}

func TestRulesThatCannotBeLookedAt(t *testing.T) {
	r := NewReader(nil, &Errors{Body: []Rule{{"predictions", IsMissing}}}, kpi.Config{})
	got := r.Read(Exchange{Status: 200, AnswerTrouble: TooLarge})
	if got.Failed || !got.Unchecked || got.Facts.Rows != nil {
		t.Errorf("%+v", got)
	}
}

func TestRuleTexts(t *testing.T) {
	var r Rule
	if err := r.UnmarshalText([]byte(`outputs.#(name=="my p").data  missing or not one per row`)); err != nil ||
		!reflect.DeepEqual(r, Rule{`outputs.#(name=="my p").data`, IsMissing | IsNotPerRow}) {
		t.Errorf("%+v, %v", r, err)
	}
	for _, bad := range []string{"", "predictions", "predictions wrong", "missing", "predictions missing or", "predictions missing and present"} {
		if err := r.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	var s Statuses
	for text, want := range map[string]Statuses{"429": {429, 429}, "400-499": {400, 499}, "400 - 404": {400, 404}} {
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
	for _, bad := range []string{"", "4xx", "499-400", "100", "600", "400-", "-5"} {
		if err := s.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	e := &Errors{Statuses: []Statuses{{429, 429}, {400, 404}}}
	for status, want := range map[int]bool{200: false, 400: true, 404: true, 405: false, 429: true} {
		if e.Status(status) != want {
			t.Errorf("%d: %t", status, !want)
		}
	}
}
