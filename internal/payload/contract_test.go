package payload

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/kpi"
)

func limit(v float64) *float64 { return &v }

var tenure = Contract{Columns: []Column{
	{Name: "tenure", Type: Integer, Min: limit(0), Max: limit(120)},
	{Name: "charges", Nullable: true},
	{Name: "senior", Type: Boolean, Optional: true},
}}

func TestContract(t *testing.T) {
	tests := []struct {
		name, request string
		want          string // the breaches
	}{
		{"as agreed", `{"features":[[12,0.5,true],[120,null,0],[3.0,1e9,1]]}`, ""},
		{"a short row", `{"features":[[12,0.5,true],[12,0.5]]}`, "count"},
		{"a long row", `{"features":[[12,0.5,true,1]]}`, "count"},
		{"out of range", `{"features":[[121,0.5,true]]}`, "range"},
		{"below", `{"features":[[-1,0.5,true]]}`, "range"},
		{"a fraction", `{"features":[[1.5,0.5,true]]}`, "type"},
		{"text", `{"features":[[1,"0.5",true]]}`, "type"},
		{"too large a number", `{"features":[[1,1e999,true]]}`, "type"},
		{"no boolean", `{"features":[[1,1,2]]}`, "type"},
		{"null", `{"features":[[null,1,0]]}`, "null"},
		{"null where none may be left out", `{"features":[[1,1,null]]}`, "null"},
		{"several", `{"features":[[null,"x",0],[500,1,0]]}`, "type range null"},
		{"no features", `{}`, "unreadable"},
		{"no rows", `{"features":[]}`, "unreadable"},
		{"broken", `{"features":`, "unreadable"},
		{"NaN", `{"features":[[1,NaN,0]]}`, "unreadable"},
		{"named", `{"features":[{"senior":true,"charges":1,"tenure":3},{"charges":1,"tenure":4}]}`, ""},
		{"named, one missing", `{"features":[{"charges":1,"tenure":3},{"charges":1}]}`, "missing"},
		{"named, one too many", `{"features":[{"charges":1,"tenure":3},{"charges":1,"tenure":3,"x":1}]}`, "extra"},
		{"named columns", `{"features":{"columns":["charges","tenure"],"data":[[1,3],[1,500]]}}`, "range"},
		{"two columns of one name", `{"features":{"columns":["charges","tenure","tenure"],"data":[[1,3,4]]}}`, "extra"},
		{"records that are none", `{"features":[{"charges":1,"tenure":3},7]}`, "missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := NewReader(&Config{Contract: &tenure}, nil, kpi.Config{}).Read(Exchange{Status: 200, Request: []byte(tt.request), Answer: []byte(`{"predictions":[1]}`)})
			if b := breaches(got.Breaches); b != tt.want || got.Facts.Invalid != (tt.want != "") || !got.Facts.Checked {
				t.Errorf("%q, checked %t, invalid %t; want %q", b, got.Facts.Checked, got.Facts.Invalid, tt.want)
			}
		})
	}
}

func breaches(s BreachSet) string {
	var names []string
	for b := range Breaches {
		if s.Has(b) {
			names = append(names, b.String())
		}
	}
	return strings.Join(names, " ")
}

func TestContractThatAllowsMore(t *testing.T) {
	c := tenure
	c.Extra = ExtraAllow
	r := NewReader(&Config{Contract: &c}, nil, kpi.Config{})
	for _, request := range []string{`{"features":[[1,1,0,9,9]]}`, `{"features":[{"tenure":1,"charges":1,"more":"x"}]}`} {
		if got := r.Read(Exchange{Status: 200, Request: []byte(request)}); got.Facts.Invalid {
			t.Errorf("%s: %s", request, breaches(got.Breaches))
		}
	}
}

// A request that was not read is neither valid nor invalid.
func TestContractOfWhatWasNotRead(t *testing.T) {
	got := NewReader(&Config{Contract: &tenure}, nil, kpi.Config{}).Read(Exchange{Status: 200, RequestTrouble: TooLarge})
	if got.Facts.Checked || got.Facts.Invalid || got.RequestTrouble != TooLarge {
		t.Errorf("%+v", got)
	}
}

// Features of requests without names go by the contract's.
func TestInputsByTheContractsNames(t *testing.T) {
	m := kpi.Config{Inputs: []kpi.Input{{Name: "c", Feature: "charges"}, {Name: "t", Feature: "0"}}}
	got := NewReader(&Config{Contract: &tenure}, nil, m).Read(Exchange{Status: 200, Request: []byte(`{"features":[[7,0.5,0]]}`)})
	if !same(got.Facts.Inputs, [][]float64{{0.5, 7}}) {
		t.Errorf("%v", got.Facts.Inputs)
	}
}

func TestContractsThatAreNone(t *testing.T) {
	tests := []struct {
		name string
		c    Config
		want string
	}{
		{"no columns", Config{Contract: &Contract{}}, `contract.columns: <nil>: at least one column`},
		{"no name", Config{Contract: &Contract{Columns: []Column{{}}}}, `contract.columns[0].name: <nil>: the column's name`},
		{"twice", Config{Contract: &Contract{Columns: []Column{{Name: "a"}, {Name: "a"}}}}, `contract.columns[1].name: a: a name of its own: columns[0] has it`},
		{"text with a range", Config{Contract: &Contract{Columns: []Column{{Name: "a", Type: Text, Min: limit(0)}}}}, `contract.columns[0].type: text: number or integer`},
		{"empty range", Config{Contract: &Contract{Columns: []Column{{Name: "a", Min: limit(2), Max: limit(1)}}}}, `contract.columns[0].max: 1: no less than min, 2`},
		{"NaN", Config{Contract: &Contract{Columns: []Column{{Name: "a", Min: limit(math.NaN())}}}}, `contract.columns[0].min: NaN: a finite number`},
		{"path", Config{Predictions: " x"}, `predictions:  x: a gjson path`},
		{"chat", Config{Format: OpenAI, Contract: &tenure}, `contract: <nil>: no contract, or the path of the features`},
	}
	for _, tt := range tests {
		var got []string
		tt.c.Validate(func(path string, value any, wanted string) {
			got = append(got, fmt.Sprintf("%s: %v: %s", path, value, wanted))
		})
		if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
