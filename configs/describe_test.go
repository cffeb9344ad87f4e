package configs

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func described(t *testing.T, change func(string) string, o DescribeOptions) ModelDescription {
	t.Helper()
	p, err := parse("p.yaml", []byte(change(basePolicy(t))), testEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	d := p.Describe(o)
	if len(d.Models) != 1 {
		t.Fatalf("%d models", len(d.Models))
	}
	return d.Models[0]
}

func unchanged(policy string) string { return policy }

func replacing(pairs ...string) func(string) string {
	return strings.NewReplacer(pairs...).Replace
}

// The text is the product: it stands in the golden file as a person sees it.
func TestDescribeText(t *testing.T) {
	for golden, c := range map[string]struct {
		file string
		o    DescribeOptions
	}{
		"testdata/describe-churn.txt":                 {"churn.yaml", DescribeOptions{}},
		"testdata/describe-churn-rate.txt":            {"churn.yaml", DescribeOptions{Rate: 50, Users: 5000, Base: map[string]float64{"error_rate": 0.005}}},
		"testdata/describe-shadow-approve-canary.txt": {"shadow-approve-canary.yaml", DescribeOptions{}},
		"testdata/describe-blue-green.txt":            {"blue-green.yaml", DescribeOptions{}},
		"testdata/describe-payloads.txt":              {"payloads.yaml", DescribeOptions{}},
		"testdata/describe-recommendation.txt":        {"recommendation-canary.yaml", DescribeOptions{Rate: 5}},
	} {
		p, err := Load(c.file)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Describe(c.o).Text()
		compareGolden(t, golden, got)
	}
}

// compareGolden holds a text against a file of testdata; -update writes it.
func compareGolden(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s", golden, got)
	}
}

func TestDescribeWarns(t *testing.T) {
	tests := map[string]struct {
		change func(string) string
		o      DescribeOptions
		want   string // "" = no warning at all
	}{
		"nothing to say": {replacing("      - bake: {hold: 1h}\n", ""), DescribeOptions{}, ""},
		"hold too short": {replacing("hold: 2h", "hold: 10s"), DescribeOptions{Rate: 50},
			"gate errors, step 1: takes about 4m at 50 requests/s, its hold is 10s: the step will last longer than its hold, inconclusive meanwhile"},
		"never at this rate of failures": {replacing("error_rate <= baseline + 1%", "latency_p95 <= 200ms"), DescribeOptions{Rate: 50, Base: map[string]float64{"latency_p95": 0.2}},
			"gate errors, step 1: an equal candidate does not pass with this traffic: the margin is too small for the values given with --base"},
		"too few users": {unchanged, DescribeOptions{Rate: 50, Users: 100},
			"gate errors, step 1: needs about 8011 users, there are 100: each counts once in a rollout, so the step ends up as users exhausted"},
		"bake without an absolute gate": {unchanged, DescribeOptions{},
			"step 3 (bake): nothing but the breaker and operators can take the candidate back there: no absolute gate, such as error_rate <= 2%, can roll back"},
		"everyone at once": {replacing("weight: 10%", "weight: 100%"), DescribeOptions{},
			"step 1 leaves the baseline no traffic: gate errors cannot be shown, and the step never passes"},
		"unverified": {replacing(`["http://127.0.0.1:8000"], version_from: {path: /health, field: version}`, `["http://127.0.0.1:8000"]`), DescribeOptions{},
			"route churn: an arm has no version_from: what it serves is not held against the registry, and start asks for --unverified"},
		"margin as large as the base": {unchanged, DescribeOptions{Base: map[string]float64{"error_rate": 0.01}},
			`gate errors: the margin in "error_rate <= baseline + 1%" is as large as the baseline's error rate of 1%: a candidate that fails twice as often is within it`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := described(t, tt.change, tt.o).Warnings
			if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.Contains(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestDescribeCarriedAndBreaker(t *testing.T) {
	notes := strings.Join(described(t, unchanged, DescribeOptions{}).Notes, "\n")
	for _, want := range []string{"the breaker, which takes a dead candidate off the traffic in seconds, is not covered", "shown as carried", "in step 3 (bake)"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes do not say %q:\n%s", want, notes)
		}
	}
	noBake := strings.Join(described(t, replacing("      - bake: {hold: 1h}\n", ""), DescribeOptions{}).Notes, "\n")
	if strings.Contains(noBake, "carried") {
		t.Errorf("both arms serve in every step, and the notes say:\n%s", noBake)
	}
}

func TestDescriptionIsJSON(t *testing.T) {
	d := described(t, unchanged, DescribeOptions{Rate: 50})
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"false_rollback":0.01`, `"weight":0.1`, `"hold_s":7200`, `"needs":[{"step":0,"seconds":`, `"file data/incidents"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in %s", want, data)
		}
	}
	if strings.Contains(string(data), "null") {
		t.Errorf("null in %s", data)
	}
}
