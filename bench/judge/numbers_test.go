package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/headgate/headgate/internal/kpi"
)

// The published values, and the closed form where the limit is the baseline
// itself: both arms pooled.
func TestInformation(t *testing.T) {
	for _, c := range []struct{ pc, want float64 }{{.01, 1.7007393e-4}, {.025, 1.6865143e-3}, {.205, 3.7850065e-2}} {
		got := information(.1, c.pc, .005, 1, 0)
		pooled := .1*c.pc + .9*.005
		closed := .1*divergence(c.pc, pooled) + .9*divergence(.005, pooled)
		if math.Abs(got/c.want-1) > 1e-7 || math.Abs(got/closed-1) > 1e-9 {
			t.Errorf("0.5 %% to %g: %.8g, published %.8g, closed %.8g", c.pc, got, c.want, closed)
		}
	}
	if got := information(.1, .007, .005, 1, .002); math.Abs(got) > 1e-12 {
		t.Errorf("on the boundary: %v", got)
	}
}

func TestFloor(t *testing.T) {
	w := failing(guardText, .02).at(50)
	if got, want := w.floor(.05), math.Log(20)/1.6865143e-3/50; math.Abs(got/want-1) > 1e-6 {
		t.Errorf("constant: %v, want %v", got, want)
	}
	healthy := healthy(guardText).at(50)
	if got := healthy.floor(.05); !math.IsInf(got, 1) {
		t.Errorf("healthy: %v", got)
	}
	// Waits for the burst: nothing can be known before 270 s.
	burst := with(failing(guardText, 0), func(w *world) { w.cand = bursts(baseRate, .2) }).at(500)
	if got := burst.floor(.05); got < 270 || got > 271 {
		t.Errorf("bursts: %v", got)
	}
}

func TestClopperPearson(t *testing.T) {
	for _, c := range []struct {
		hit, n int
		want   float64
	}{{0, 59, .0495}, {20, 1000, .0289}, {5, 5, 1}} {
		if got := clopperPearson(c.hit, c.n); got < c.want-.0005 || got > c.want+.0005 {
			t.Errorf("%d of %d: %.4f, want %.4f", c.hit, c.n, got, c.want)
		}
	}
}

// The alias table draws every bin with its own probability.
func TestSampler(t *testing.T) {
	l := kpi.NewLayout()
	s := newSampler(l, 1.2, .3)
	total := make([]float64, l.Bins())
	for i, keep := range s.accept {
		if keep < 0 || keep > 1+1e-9 {
			t.Fatalf("slot %d keeps %v", i, keep)
		}
		total[i] += keep
		total[s.other[i]] += 1 - keep
	}
	below := 0.0
	for i := range total {
		upTo := 1.0
		if edge, ok := l.Edge(i); ok {
			upTo = distuv.LogNormal{Mu: math.Log(.05 * 1.2), Sigma: .3}.CDF(edge.Seconds())
		}
		if got := total[i] / float64(l.Bins()); math.Abs(got-(upTo-below)) > 1e-12 {
			t.Errorf("bin %d: %v, want %v", i, got, upTo-below)
		}
		below = upTo
	}
}

func TestPoissonMeanAndVariance(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, mean := range []float64{.03, 2, 25, 300} {
		const n = 20000
		var sum, squares float64
		for range n {
			k := float64(poisson(mean, r))
			sum, squares = sum+k, squares+k*k
		}
		m := sum / n
		if v := squares/n - m*m; math.Abs(m-mean) > 5*math.Sqrt(mean/n) || math.Abs(v/mean-1) > .2 {
			t.Errorf("mean %g: %g, variance %g", mean, m, v)
		}
	}
}

func TestTallyKeepsWhatWasBefore(t *testing.T) {
	out := make([]outcome, 10)
	for i := range out {
		switch {
		case i < 2:
			out[i][0] = decision{hit: true, after: -60}
		case i < 8:
			out[i][0] = decision{hit: true, after: float64(i), failed: i}
		}
	}
	tally := tallyOf(out, 0)
	if tally.hits != 8 || tally.early != 2 || tally.quantile(.5) != 5 || !math.IsInf(tally.quantile(.95), 1) {
		t.Errorf("%+v", tally)
	}
	if got, want := tally.delayText(), "5 [2–∞] (4), found in 75 %, 20 % before"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestGraceIsTwoStandardErrorsOfTheRank(t *testing.T) {
	var delays []float64
	for i := range 100 {
		delays = append(delays, float64(i))
	}
	// The 50th and the 95th of 0…99; ranks move by 10 and by 4.
	if tally := (tally{delays: delays}); tally.grace(.5) != 10 || tally.grace(.95) != 4 {
		t.Errorf("%v, %v", tally.grace(.5), tally.grace(.95))
	}
	never := tally{delays: []float64{1, math.Inf(1), math.Inf(1)}}
	if never.grace(.5) != 0 || (tally{}).grace(.5) != 0 {
		t.Error("grace for what was never reached")
	}
}
