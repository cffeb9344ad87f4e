package configs

import (
	"os"
	"strings"
	"testing"
)

func basePolicy(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func hashOf(t *testing.T, text string) string {
	t.Helper()
	p, err := parse("p.yaml", []byte(text), testEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	return p.Hash("churn-model")
}

func TestHash(t *testing.T) {
	base := basePolicy(t)
	want := hashOf(t, base)
	if len(want) != 64 {
		t.Fatalf("hash %q", want)
	}
	same := map[string][2]string{
		"a comment":               {"version: 1", "version: 1 # first"},
		"a default written out":   {"    plan:", "    false_rollback: 1%\n    warm_up: 1m\n    plan:"},
		"order of keys":           {"{weight: 10%, hold: 2h}", "{hold: 120m, weight: 10.00%}"},
		"where incidents go":      {"    plan:", "    incidents: [{file: elsewhere}]\n    plan:"},
		"what is not the model's": {"version: 1", "version: 1\nadmin: {listen: \"127.0.0.1:9\"}"},
	}
	for name, change := range same {
		if got := hashOf(t, strings.Replace(base, change[0], change[1], 1)); got != want {
			t.Errorf("%s: the hash changed", name)
		}
	}
	other := map[string][2]string{
		"weight":  {"weight: 10%", "weight: 11%"},
		"hold":    {"hold: 2h", "hold: 3h"},
		"gate":    {"baseline + 1%", "baseline + 2%"},
		"alpha":   {"    plan:", "    false_rollback: 2%\n    plan:"},
		"warm-up": {"    plan:", "    warm_up: 0s\n    plan:"},
		"reload":  {"    plan:", "    after_promote: {reload: POST /reload}\n    plan:"},
	}
	for name, change := range other {
		if got := hashOf(t, strings.Replace(base, change[0], change[1], 1)); got == want {
			t.Errorf("%s: the hash stayed", name)
		}
	}
	p, err := parse("p.yaml", []byte(base), testEnvironment)
	if err != nil || p.Hash("other") != "" {
		t.Errorf("an unknown model has hash %q, %v", p.Hash("other"), err)
	}
}

// A zero that a default would replace is refused, not replaced.
func TestZerosAreNotReplaced(t *testing.T) {
	base := basePolicy(t)
	for written, want := range map[string]string{
		"    false_rollback: 0%\n": `p.yaml:10:21: models.churn-model.false_rollback: "0%": wanted a value other than zero, or none at all for the default of 1%`,
		"    min_requests: 0\n":    `p.yaml:10:19: models.churn-model.min_requests: "0": wanted a value other than zero, or none at all for the default of 50`,
		"    warm_up: 0s\n":        "",
	} {
		_, err := parse("p.yaml", []byte(strings.Replace(base, "    plan:", written+"    plan:", 1)), testEnvironment)
		if got := text(err); got != want {
			t.Errorf("%s: got %q, want %q", strings.TrimSpace(written), got, want)
		}
	}
}

func TestCrossChecks(t *testing.T) {
	base := basePolicy(t)
	tests := map[string]struct{ from, to, want string }{
		"one address for both": {"version: 1", "version: 1\ntraffic: {listen: \":8090\"}",
			`p.yaml:1:1: admin.listen: "127.0.0.1:8090": wanted another port than traffic.listen has`},
		"a name with a slash": {"churn-model", "a/b",
			`p.yaml:9:3: models.a/b: wanted a model name as MLflow takes it: without / and :`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parse("p.yaml", []byte(strings.ReplaceAll(base, tt.from, tt.to)), testEnvironment)
			if text(err) != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
