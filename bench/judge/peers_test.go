package main

import (
	"math"
	"testing"

	"github.com/headgate/headgate/internal/kpi"
)

// arms is a minute with these counts; baseline first.
func arms(nb, kb, nc, kc float64) *minute {
	return &minute{{n: nb, failures: kb}, {n: nc, failures: kc}}
}

func TestFixedThresholdsCountFailedChecks(t *testing.T) {
	bad, good, exact, empty := arms(900, 4, 100, 2), arms(900, 90, 100, 0), arms(900, 0, 100, 1), arms(900, 4, 0, 0)
	for _, c := range []struct {
		name    string
		rule    fixed
		minutes []*minute
		want    int // the minute that takes it back, 0: none does
	}{
		{"Flagger: the fifth failed check", fixed{success: .99, allowed: 4}, []*minute{bad, bad, bad, bad, bad}, 5},
		{"a good minute resets nothing", fixed{success: .99, allowed: 1}, []*minute{bad, good, exact, bad}, 4},
		{"the limit itself is good", fixed{success: .99}, []*minute{exact, exact, exact}, 0},
		{"no requests, no check", fixed{success: .99}, []*minute{empty, empty}, 0},
		{"Argo: one more than the limit", fixed{success: .99, allowed: 3}, []*minute{bad, bad, bad, bad}, 4},
		{"slow", fixed{success: .99, slowest: .5}, []*minute{good, {{}, {n: 10, p99: .6}}}, 2},
	} {
		got := 0
		for i, m := range c.minutes {
			if c.rule.minute(m) && got == 0 {
				got = i + 1
			}
		}
		if got != c.want {
			t.Errorf("%s: minute %d, want %d", c.name, got, c.want)
		}
	}
}

func TestProportions(t *testing.T) {
	want := (.1 - 20./900) / math.Sqrt(.03*.97*(1./900+1./100)) // pooled: 30 of 1000
	if z := proportions(&window{n: 900, failures: 20}, &window{n: 100, failures: 10}); math.Abs(z-want) > 1e-12 {
		t.Errorf("z %v, want %v", z, want)
	}
	if z := proportions(&window{n: 900}, &window{n: 100}); z != 0 {
		t.Errorf("nothing failed, z %v", z)
	}
}

func TestMeans(t *testing.T) {
	// Latencies 1, 3 against 2, 6: means 2 and 4, variances 1 and 4.
	b, c := &window{n: 2, sum: 4, squares: 10}, &window{n: 3, failures: 1, sum: 8, squares: 40}
	if z, want := means(b, c), 2/math.Sqrt(.5+2); math.Abs(z-want) > 1e-12 {
		t.Errorf("z %v, want %v", z, want)
	}
}

func TestRankZ(t *testing.T) {
	for _, c := range []struct {
		name string
		b, c []float64
		want float64
	}{
		// U = 16, mean 8, variance 16·9/12 = 12.
		{"apart", []float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, 7.5 / math.Sqrt(12)},
		// U = 0.
		{"the other way", []float64{5, 6, 7, 8}, []float64{1, 2, 3, 4}, -8.5 / math.Sqrt(12)},
		// U = 1 + 1.5 + 3 = 5.5; ties of 2, 2 and 1+... : 1,1 in b and 2,2 across.
		{"ties", []float64{1, 1, 2}, []float64{1.5, 2, 3}, (2 + 2.5 + 3 - 4.5 - .5) / math.Sqrt(9./12*(7-12./30))},
		{"all equal", []float64{0, 0}, []float64{0, 0}, 0},
	} {
		if z := rankZ(c.b, c.c); math.Abs(z-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.name, z, c.want)
		}
	}
}

func TestMannWhitneyWaitsForItsPoints(t *testing.T) {
	w := &mannWhitney{}
	for i := range 12 {
		got := w.minute(arms(900, 4+float64(i), 100, 20+float64(i)))
		if want := i+1 >= leastPoints; got != want {
			t.Errorf("minute %d: %v", i+1, got)
		}
	}
}

func TestPanelSummarisesLatencies(t *testing.T) {
	l := kpi.NewLayout()
	p := newPanel(l, ofLatency)
	bins := make([]uint16, 200)
	for i := range bins {
		bins[i] = 300
	}
	bins[0], bins[1] = 500, 500 // 1 % of them, the p99 is below
	p.add(kpi.Candidate, 3, len(bins), bins)
	p.summarise(kpi.Candidate)
	w, low, high := p.open[kpi.Candidate], p.mids[300], p.mids[500]
	if w.n != 203 || w.failures != 3 || w.p99 != low || math.Abs(w.sum-198*low-2*high) > 1e-9 {
		t.Errorf("%+v, want p99 %v", w, low)
	}
	if edge, _ := l.Edge(300); math.Abs(low/edge.Seconds()-.99) > .005 {
		t.Errorf("middle %v of a bin up to %v", low, edge)
	}
}

func TestArea(t *testing.T) {
	w := window{score: [2][]float64{{2, 1, 0}, {0, 1, 1}}}
	// Six pairs: five won, one tied.
	if auc, v := w.area(); math.Abs(auc-5.5/6) > 1e-12 || v <= 0 {
		t.Errorf("AUC %v, variance %v", auc, v)
	}
	if z := areas(&window{}, &w); z != 0 {
		t.Errorf("no labels yet: z %v", z)
	}
}

func TestThresholdsKnowErrorsAndLatenciesOnly(t *testing.T) {
	for i, p := range peers() {
		if got := p.start(ofClicks) == nil; got != (i < 4) {
			t.Errorf("%s on clicks: none %v", p.name, got)
		}
	}
}
