package judge

import (
	"fmt"
	"strings"
	"testing"
)

func problems(c Config) []string {
	var out []string
	c.Validate(func(path string, value any, wanted string) {
		out = append(out, fmt.Sprintf("%s: %v: %s", path, value, wanted))
	})
	return out
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		gate GateConfig
		want string // "" when fine
	}{
		{"a margin", GateConfig{Require: "error_rate <= baseline + 0.2%"}, ""},
		{"strict operators", GateConfig{Require: "error_rate < 2%", RollbackWhen: "error_rate >= 3%"}, ""},
		{"a guard against the baseline itself", GateConfig{RollbackWhen: "latency > baseline"}, ""},
		{"no margin", GateConfig{Require: "error_rate <= baseline"},
			`gates[0].require: error_rate <= baseline: a margin, such as "error_rate <= baseline + 0.2%", or a guard, ` + "`rollback_when: \"error_rate > baseline\"`" + `: that a candidate is no worse at all can never be shown`},
		{"a margin of nothing", GateConfig{Require: "error_rate <= baseline + 0%"}, "gates[0].require: error_rate <= baseline + 0%: a margin, such as"},
		{"a factor of one", GateConfig{Require: "latency_p95 <= baseline * 1"}, "gates[0].require: latency_p95 <= baseline * 1: a margin, such as"},
		{"require the wrong way", GateConfig{Require: "error_rate >= 1%"},
			`gates[0].require: error_rate >= 1%: a limit in the good direction, such as "error_rate < 1%": less error_rate is better`},
		{"rollback the wrong way", GateConfig{RollbackWhen: "error_rate < baseline"},
			`gates[0].rollback_when: error_rate < baseline: a limit in the bad direction, such as "error_rate >= baseline": less error_rate is better`},
		{"syntax", GateConfig{Require: "error_rate <= bass"},
			`gates[0].require: error_rate <= bass: baseline or a number with its unit, such as 2% (at column 15, instead of "bass")`},
		{"nothing", GateConfig{}, "gates[0]: gate: require, rollback_when or both"},
		{"a limit of nothing", GateConfig{Require: "error_rate <= 0%"}, "gates[0].require: error_rate <= 0%: a limit above 0"},
		{"a limit of everything", GateConfig{Require: "error_rate <= 100%"}, "gates[0].require: error_rate <= 100%: a limit below 100%"},
		{"two KPIs", GateConfig{Require: "error_rate <= 1%", RollbackWhen: "latency_p95 > 1s"}, "gates[0].rollback_when: latency_p95 > 1s: a limit on error_rate"},
		{"limits that contradict", GateConfig{Require: "error_rate <= baseline + 1%", RollbackWhen: "error_rate > baseline + 0.5%"},
			`gates[0].rollback_when: error_rate > baseline + 0.5%: a limit no stricter than require "error_rate <= baseline + 1%"`},
		{"mode", GateConfig{Require: "error_rate <= 1%", Mode: "dry"}, "gates[0].mode: dry: enforce or observe"},
		{"on_fail", GateConfig{Require: "error_rate <= 1%", OnFail: "page"}, "gates[0].on_fail: page: rollback, hold or notify"},
		{"share", GateConfig{Require: "error_rate <= 1%", Share: -1}, "gates[0].share: -1: a number above 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.gate.Name = "gate"
			config := Config{Gates: []GateConfig{c.gate}}
			config.SetDefaults()
			got := problems(config)
			if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
	t.Run("the judge's own settings", func(t *testing.T) {
		got := problems(Config{FalseRollback: .6, Gates: []GateConfig{
			{Name: "a", Require: "error_rate <= 1%", Mode: ModeEnforce, OnFail: OnFailRollback, Share: 1},
			{Name: "a", Require: "error_rate <= 1%", Mode: ModeEnforce, OnFail: OnFailRollback, Share: 1},
		}})
		want := []string{"false_rollback: 60%: a rate above 0% and up to 50%", "false_pass: 0%: a rate above 0% and up to 50%",
			"min_requests: 0: a number of requests per step, 1 or more", "gates[1].name: a: a name of its own: gates[0] has this one"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestSentencesAndWarnings(t *testing.T) {
	c := Config{Gates: []GateConfig{
		{Name: "errors", Require: "error_rate <= baseline + 0.2%"},
		{Name: "slow", RollbackWhen: "latency_p99 > baseline * 1.3", OnFail: OnFailHold},
		{Name: "p95", Require: "latency_p95 <= 200ms", Mode: ModeObserve},
	}}
	c.SetDefaults()
	want := []string{
		"errors: the candidate may advance once it is shown that its error rate is at most the baseline's plus 0.2 percentage points (in each step, wrong at most 5% of the time); the candidate is taken back as soon as it is shown that its error rate is above the baseline's plus 0.2 percentage points (wrong at most 1% of the time over the whole rollout); 0.2% are points, 0.2% of the baseline's own value would be written \"baseline * 1.002\"",
		"slow: the step is held as soon as it is shown that its p99 latency is above 1.3 times the baseline's (wrong at most 1% of the time over the whole rollout); a guard, it never holds up an advance",
		"p95: observed only, nothing follows: the candidate may advance once it is shown that its p95 latency is at most 200ms (in each step, wrong at most 5% of the time); the candidate is taken back as soon as it is shown that its p95 latency is above 200ms (wrong at most 1% of the time over the whole rollout)",
	}
	if got := c.Sentences(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := c.Warnings(); len(got) != 1 || !strings.Contains(got[0], "gate slow: holds a latency against") {
		t.Errorf("warnings %q", got)
	}
	if got := c.WarningsAt(0.001); len(got) != 1 || !strings.Contains(got[0], "error rate of 0.1%") {
		t.Errorf("warnings at 0.1 %%: %q", got)
	}
	if got := c.WarningsAt(0.005); got != nil {
		t.Errorf("warnings at 0.5 %%: %q", got)
	}
}

func TestAlphaIsSharedAmongGatesThatCanRollBack(t *testing.T) {
	c := Config{FalseRollback: 0.04, Gates: []GateConfig{
		{Name: "a", Share: 3}, {Name: "b"}, {Name: "watch", Mode: ModeObserve}, {Name: "hold", OnFail: OnFailHold},
	}}
	for i, want := range []float64{.03, .01, .04, .04} {
		if got := c.alpha(i); got < want-1e-15 || got > want+1e-15 {
			t.Errorf("gate %s: α = %v, want %v", c.Gates[i].Name, got, want)
		}
	}
}

func TestPlansTellWhatCanBeShown(t *testing.T) {
	c := Config{Gates: []GateConfig{
		{Name: "two", Require: "error_rate <= baseline + 2%"}, {Name: "five", Require: "error_rate <= baseline + 5%"},
		{Name: "guard", RollbackWhen: "error_rate > baseline"}, {Name: "p95", Require: "latency_p95 <= 200ms"},
		{Name: "relative", Require: "latency_p95 <= baseline * 1.2"}, {Name: "clicks", Require: "ctr >= baseline - 1%"},
		{Name: "auc", Require: "auc >= baseline - 0.05"}, {Name: "parity", Require: "parity >= 0.8"},
		{Name: "psi", Require: "psi <= 0.2"}, {Name: "ks", Require: "ks <= 0.1"}, {Name: "agreement", Require: "agreement >= 98%"},
	}}
	c.SetDefaults()
	for _, w := range []struct {
		gate         int
		weight, base float64
		least, most  float64
	}{
		// Without the alternative of an equal candidate it would be 47 s at 10 % and 10 s
		// at 50 % for two points, 19 s and 4 s for five.
		{0, .1, 0, 30, 47}, {0, .5, 0, 5, 10}, {1, .1, 0, 12, 19}, {1, .5, 0, 2, 4},
		{0, .1, .005, 36, 120}, {3, .1, 0, 10, 30}, {5, .5, .1, 400, 4000}, {6, .5, .9, 10, 200}, {7, .5, 1, 20, 400},
		{8, .5, 0, 1, 60}, {9, .5, 0, 60, 600}, {10, .5, .99, 30, 600},
	} {
		cond, err := ParseCondition(c.Gates[w.gate].Require)
		if err != nil {
			t.Fatal(err)
		}
		got := c.Plan(w.gate, Outlook{Rate: 50, Weight: w.weight, Base: map[string]float64{cond.KPI: w.base}}, 7200)
		if got.Why != "" || got.Show == nil || *got.Show < w.least || *got.Show > w.most {
			t.Errorf("%s at weight %v, base %v: %+v s; want %v to %v", cond.Text, w.weight, w.base, got.Show, w.least, w.most)
			if got.Show != nil {
				t.Log(*got.Show)
			}
		}
		if got.Seen == nil || *got.Seen <= 0 {
			t.Errorf("%s: nothing is seen in 2 h", cond.Text)
		}
	}
	if got := c.Plan(2, Outlook{Rate: 50, Weight: .1}, 60); got.Show != nil || got.Seen == nil {
		t.Errorf("a guard: %+v", got)
	}
	if got := c.Plan(4, Outlook{Rate: 50, Weight: .1}, 60); got.Why == "" {
		t.Errorf("a latency against the baseline: %+v", got)
	}
	if got := c.Plan(3, Outlook{Rate: 50, Weight: .1, Base: map[string]float64{"latency_p95": .06}}, 60); got.Show != nil {
		t.Error("a candidate beyond its limit is said to pass")
	}
	// What can be shown in a hold takes about the hold to show.
	in2h := c.Plan(0, Outlook{Rate: 5, Weight: .1, Base: map[string]float64{"error_rate": .005}}, 7200)
	again := Config{Gates: []GateConfig{{Name: "x", Require: "error_rate <= baseline + " + percentText(*in2h.Margin) + "%"}}}
	again.SetDefaults()
	if show := again.Plan(0, Outlook{Rate: 5, Weight: .1, Base: map[string]float64{"error_rate": .005}}, 7200).Show; show == nil || *show < 6900 || *show > 7500 {
		t.Errorf("a margin of %v takes %v s", *in2h.Margin, show)
	}
}
