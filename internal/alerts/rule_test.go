package alerts

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestRuleFits(t *testing.T) {
	rule := Rule{Match: map[string]string{"severity": "critical", "silenced": ""}, MatchRE: map[string]string{"team": "ml|data.*"}}
	tests := map[string]struct {
		labels map[string]string
		want   bool
	}{
		"all":                        {map[string]string{"severity": "critical", "team": "ml", "more": "x"}, true},
		"the expression's other arm": {map[string]string{"severity": "critical", "team": "data-eng"}, true},
		"as a whole, not in part":    {map[string]string{"severity": "critical", "team": "xml"}, false},
		"nor with more behind it":    {map[string]string{"severity": "critical", "team": "mlops"}, false},
		"another value":              {map[string]string{"severity": "warning", "team": "ml"}, false},
		"a label that must be empty": {map[string]string{"severity": "critical", "team": "ml", "silenced": "1"}, false},
		"a label that is missing":    {map[string]string{"severity": "critical"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := rule.Fits(tt.labels); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFirstRuleWins(t *testing.T) {
	rules := []Rule{{Name: "a", Match: map[string]string{"x": "1"}}, {Name: "b", Match: map[string]string{"y": "1"}}}
	if r, ok := First(rules, map[string]string{"x": "1", "y": "1"}); !ok || r.Name != "a" {
		t.Errorf("%v %v", r, ok)
	}
	if _, ok := First(rules, map[string]string{"z": "1"}); ok {
		t.Error("a rule for no label")
	}
}

func TestValidateRules(t *testing.T) {
	critical := map[string]string{"severity": "critical"}
	tests := map[string]struct {
		rules []Rule
		want  string // "" = nothing
	}{
		"good":                                {[]Rule{{Match: critical, Do: DoRollback}, {MatchRE: map[string]string{"severity": ".*"}, Do: DoNotify}}, ""},
		"unknown do":                          {[]Rule{{Match: critical, Do: "page"}}, "[0].do: page: rollback, pause or notify"},
		"an expression covers":                {[]Rule{{MatchRE: map[string]string{"severity": "critical|page"}, Do: DoPause}, {Match: critical, Do: DoRollback}}, "[1]: <nil>: a rule that an alert can meet"},
		"the same expression":                 {[]Rule{{MatchRE: map[string]string{"a": "b.*"}, Do: DoPause}, {MatchRE: map[string]string{"a": "b.*"}, Match: critical, Do: DoRollback}}, "[1]: <nil>: a rule that an alert can meet"},
		"narrower first":                      {[]Rule{{Match: map[string]string{"severity": "critical", "team": "ml"}, Do: DoPause}, {Match: critical, Do: DoRollback}}, ""},
		"an expression only when anchored":    {[]Rule{{MatchRE: map[string]string{"a": "x)(y"}, Do: DoPause}}, "[0].match_re.a: x)(y: an RE2 expression"},
		"an expression that match contradict": {[]Rule{{Match: map[string]string{"a": "x"}, MatchRE: map[string]string{"a": "y"}, Do: DoPause}}, `[0].match_re.a: y: an expression that fits "x"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			Validate(tt.rules, func(path string, value any, wanted string) {
				got = append(got, fmt.Sprintf("%s: %v: %s", path, value, wanted))
			})
			if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMatchersAreQuoted(t *testing.T) {
	r := Rule{Match: map[string]string{"b": "x\"y\\z\n"}, MatchRE: map[string]string{"a": `c\.d`}}
	want := []string{`b="x\"y\\z\n"`, `a=~"c\\.d"`}
	if got := r.Matchers(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
