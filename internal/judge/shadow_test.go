package judge

import (
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/kpi"
)

// copies feeds n strata of a shadow step: baseline requests, and so many pairs
// of which so many agree, with copies that fail.
func (f *feed) copies(n int, baseline arm, pairs, agree, failed uint64) Judgement {
	for range n {
		s := f.stratum(baseline, arm{})
		s.Shadow = true
		s.Candidate.Measures = kpi.Measures{
			kpi.MeasureAgreement: {N: pairs, K: agree},
			kpi.MeasureShadow:    {N: pairs, K: failed},
		}
		f.judge.Add(s)
		if got, want := f.judge.Verdict(), f.judge.Judgement().Verdict; got != want {
			f.t.Fatalf("Verdict says %s, Judgement %s", got, want)
		}
	}
	return f.judge.Judgement()
}

func shadowGates() Config {
	return gates(
		GateConfig{Name: "agreement", Require: "agreement >= 95%"},
		errorsWithin("5%"),
		GateConfig{Name: "speed", Require: "throughput >= 1000"},
	)
}

func TestInShadowOnlyWhatCopiesShowIsAsked(t *testing.T) {
	f := newFeed(t, shadowGates())
	f.begin(0)
	want(t, f.copies(2, arm{n: 45}, 10, 10, 0), Inconclusive, "20 of at least 50 mirrored requests")
	j := f.copies(60, arm{n: 45, failures: 40}, 10, 10, 0)
	want(t, j, Pass, "every gate that is required is shown")
	for _, g := range j.Gates[1:] {
		if g.Verdict != Inconclusive || g.Fail.E > 1.000001 || g.Reason != "not measured in a shadow step: the candidate gets copies and no users" {
			t.Errorf("gate %s spoke in a shadow step: %+v", g.Name, g)
		}
	}
	if j.UsersExhausted || j.Repeat != nil || j.Broken != "" {
		t.Errorf("judged users there are none of: %+v", j)
	}
}

func TestCopiesThatFailShowNothing(t *testing.T) {
	f := newFeed(t, gates(GateConfig{Name: "guard", RollbackWhen: "error_rate > baseline"}))
	f.begin(0)
	for range 20 {
		s := f.stratum(arm{n: 45}, arm{})
		s.Shadow = true
		s.Candidate.Measures = kpi.Measures{kpi.MeasureShadow: {N: 10, K: 10}}
		f.judge.Add(s)
	}
	want(t, f.judge.Judgement(), Inconclusive, "0 of at least 50 mirrored requests")
}

func TestDisagreementFailsInShadow(t *testing.T) {
	f := newFeed(t, shadowGates())
	f.begin(0)
	want(t, f.copies(60, arm{n: 45}, 10, 8, 0), Fail, "gate agreement: agreement < 95%")
}

// Between 59 (all in one bet on no disagreement at all) and so many pairs lies what
// the mixture costs; 2 % that disagree need KL(2 % || 5 %) a pair.
func TestAgreementIsShownInAFewHundredPairs(t *testing.T) {
	for name, c := range map[string]struct {
		every, most uint64 // one pair in so many disagrees; pairs until it is shown
	}{
		"all agree": {0, 120}, "1 in 100": {100, 200}, "1 in 50": {50, 400},
	} {
		f := newFeed(t, gates(GateConfig{Name: "agreement", Require: "agreement >= 95%"}))
		f.begin(0)
		pairs, last := uint64(0), Judgement{}
		for last.Verdict != Pass && pairs < 2000 {
			agree := uint64(10)
			if pairs += 10; c.every > 0 && pairs%c.every == 0 {
				agree--
			}
			last = f.copies(1, arm{n: 45}, 10, agree, 0)
		}
		if pairs > c.most {
			t.Errorf("%s: shown after %d pairs, wanted at most %d", name, pairs, c.most)
		}
	}
}

func TestShadowsVerdictIsCarried(t *testing.T) {
	f := newFeed(t, shadowGates()) // throughput is not shown with 50 a second: a gate of its own
	f.judge.gates = f.judge.gates[:2]
	f.judge.state.Gates = f.judge.state.Gates[:2]
	f.judge.state.Watch.Gates = f.judge.state.Watch.Gates[:2]
	f.begin(0)
	f.copies(60, arm{n: 45}, 10, 10, 0)
	f.begin(1)
	j := f.add(60, arm{n: 45}, arm{n: 5})
	want(t, j, Pass, "")
	if g := j.Gates[0]; g.Verdict != Pass || !g.Carried {
		t.Errorf("agreement in the canary: %+v", g)
	}
	f.begin(2) // a step more does not lose it
	if g := f.add(60, arm{n: 45}, arm{n: 5}).Gates[0]; g.Verdict != Pass || !g.Carried {
		t.Errorf("agreement in the second canary: %+v", g)
	}
	fresh := newFeed(t, gates(GateConfig{Name: "agreement", Require: "agreement >= 95%"}, errorsWithin("5%")))
	fresh.begin(0)
	fresh.copies(3, arm{n: 45}, 10, 10, 0)
	fresh.begin(1)
	want(t, fresh.add(60, arm{n: 45}, arm{n: 5}), Inconclusive, "carried from the last shadow step: inconclusive")
}

func TestAShadowWindowIsShownAnew(t *testing.T) {
	f := newFeed(t, shadowGates())
	f.begin(0)
	want(t, f.copies(60, arm{n: 45}, 10, 10, 0), Pass, "")
	f.begin(0)
	want(t, f.judge.Judgement(), Inconclusive, "0 of at least 50")
	want(t, f.copies(6, arm{n: 45}, 10, 10, 0), Inconclusive, "gate agreement: not shown yet")
	want(t, f.copies(60, arm{n: 45}, 10, 10, 0), Pass, "")
}

func TestShadowSurvivesACheckpoint(t *testing.T) {
	a, b := newFeed(t, shadowGates()), newFeed(t, shadowGates())
	a.begin(0)
	a.copies(30, arm{n: 45}, 10, 10, 0)
	data, err := a.judge.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.judge.Restore(data); err != nil {
		t.Fatal(err)
	}
	b.seq, b.now, b.step = a.seq, a.now, a.step
	x, y := a.copies(30, arm{n: 45}, 10, 10, 0), b.copies(30, arm{n: 45}, 10, 10, 0)
	if x.Verdict != y.Verdict || *x.Gates[0].Pass != *y.Gates[0].Pass {
		t.Errorf("restored %+v, want %+v", y.Gates[0], x.Gates[0])
	}
}

func TestNoStepMeasuresCopiesAndUsersTogether(t *testing.T) {
	for expr, refused := range map[string]bool{
		"candidate.agreement > 0.9 and candidate.error_rate < 0.1": true,
		"candidate.agreement > 0.9 and candidate.auc > 0.8":        false,
		"candidate.auc > 0.9 and candidate.error_rate < 0.1":       false,
		"candidate.agreement > 0.9 or baseline.error_rate > 0.1":   false,
	} {
		c := gates(GateConfig{Name: "mixed", Expr: expr})
		c.SetDefaults()
		said := ""
		c.Validate(func(path string, _ any, wanted string) { said += path + " " + wanted })
		if refused != strings.Contains(said, "two gates") {
			t.Errorf("%s: %q", expr, said)
		}
	}
}

func TestWhichGatesCopiesShow(t *testing.T) {
	c := Config{Gates: []GateConfig{
		{Name: "a", Require: "auc >= 0.8"}, {Name: "b", Require: "latency_p95 <= 200ms"}, {Name: "c", Require: "shadow.latency_p95 <= 200ms"},
		{Name: "d", Expr: "candidate.auc > 0.5 and baseline.error_rate < 1"}, {Name: "e", Expr: "candidate.ctr > 0.5"}, {Name: "f", Require: "psi.age <= 0.2"},
	}}
	for i, on := range c.OnCopies() {
		if on != []bool{true, false, true, true, false, true}[i] {
			t.Errorf("gate %s: %v", c.Gates[i].Name, on)
		}
	}
}

// A day of the shadow has begun anew, and few labels have come in it: the value
// that a verdict shows is that of all of them.
func TestFewLabelsOfAFreshWindowAreNoValue(t *testing.T) {
	f := newFeed(t, gates(GateConfig{Name: "quality", RollbackWhen: "auc < 0.80"}))
	labelled := func(n int, each uint64) Judgement {
		for range n {
			s := f.stratum(arm{n: 45}, arm{})
			s.Shadow = true
			s.Candidate.Measures = kpi.Measures{
				kpi.MeasurePositive:  {N: each, Bins: kpi.Bins{{Index: 192, Count: each}}},
				kpi.MeasureNegative:  {N: each, Bins: kpi.Bins{{Index: 64, Count: each}}},
				kpi.MeasureAgreement: {N: 60, K: 60},
			}
			f.judge.Add(s)
		}
		return f.judge.Judgement()
	}
	f.begin(0)
	labelled(10, 30)
	f.begin(0)
	g := labelled(1, 10).Gates[0]
	if g.Candidate == nil || *g.Candidate != 1 || g.N.Candidate != 620 {
		t.Errorf("shows %v of %d labels, wanted 1 of the 620 of both windows", g.Candidate, g.N.Candidate)
	}
}
