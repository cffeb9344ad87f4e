package judge

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

func TestCheckedValues(t *testing.T) {
	for _, c := range []struct {
		name    string
		null    null
		tally   tally
		r, past float64
		x, y, e float64 // 0: not given
		digits  float64
	}{
		{"no margin, R=2", null{a: 1}, tally{3, 100, 5, 900}, 2, 0.005, 1.818181818182, 0.909090909091, 3.73205904168, 1e-11},
		{"clean baseline, R=10", null{a: 1}, tally{1, 10, 0, 90}, 10, 0.5, 0, 0, 5.26315789474, 1e-11},
		{"clean candidate, R=3", null{a: 1}, tally{0, 50, 4, 450}, 3, 0.5, 0, 0, 0.48225308642, 1e-10},
		{"many, R=5", null{a: 1}, tally{20, 1000, 45, 9000}, 5, 0.5, 0, 0, 30274.5549572, 1e-11},
		// pc* = 0.025 is what R = 1 + (0.025 − 0.007)/0.005 stands for.
		{"margin of 0.2 points", null{a: 1, d: 0.002}, tally{3, 100, 5, 900}, 4.6, 0.005, 2.974375810233, 0.780624909974, 5.13934113145, 1e-11},
		{"relative margin", null{a: 1.1}, tally{3, 100, 5, 900}, 5 / 1.1, 0.005, 3.279220779221, 0.721428571429, 6.89094307623, 1e-11},
	} {
		t.Run(c.name, func(t *testing.T) {
			near := func(what string, got, want float64) {
				if want != 0 && math.Abs(got/want-1) > c.digits {
					t.Errorf("%s = %.15g, want %.15g", what, got, want)
				}
			}
			x, y := c.null.bet(c.tally, c.r, c.past)
			near("x", x, c.x)
			near("y", y, c.y)
			near("e", math.Exp(c.null.logE(c.tally, c.r, c.past)), c.e)
		})
	}
}

func TestNoBetWithoutBothArms(t *testing.T) {
	for _, n := range []null{{a: 1}, {a: 1, d: 0.01}, {a: 1.2}, {a: 1, d: -0.01}} {
		for _, r := range slices.Concat(failRatios, lessRatios, moreRatios) {
			for _, c := range []tally{{kb: 3, nb: 100}, {kc: 3, nc: 100}, {}} {
				if got := n.logE(c, r, 0.03); got != 0 {
					t.Errorf("null %+v, R %v, %+v: ln e = %v, want 0", n, r, c, got)
				}
			}
		}
	}
}

func TestCleanBaselineIsNotBlind(t *testing.T) {
	// 300 strata of a candidate that fails 30 % beside 45 clean requests each.
	past := 0.5 / (1 + 1e6)
	p := newFailProcess(alternatives)
	strata := 0
	for ; p.logE() < math.Log(100) && strata < 300; strata++ {
		p.add(null{a: 1, d: 0.002}, tally{kc: 1.5, nc: 5, nb: 45}, past, failRatios)
	}
	if strata > 3 {
		t.Errorf("took %d seconds, want 3 at most", strata)
	}
}

// The heart of the promise: under the null the expectation of an e-value is at
// most 1, computed exactly over all outcomes of small binomials, whatever the
// alternative and the past are.
func TestExpectationIsAtMostOneOnTheNull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := null{
			a: rapid.SampledFrom([]float64{0, 0.5, 0.9, 1, 1.1, 2}).Draw(t, "a"),
			d: rapid.SampledFrom([]float64{0, 0.0005, 0.002, 0.01, 0.05, 0.3, -0.002, -0.05}).Draw(t, "d"),
		}
		ratios := failRatios
		fail := rapid.Bool().Draw(t, "fail")
		if !fail {
			ratios = lessRatios
		}
		r := rapid.SampledFrom(ratios).Draw(t, "r")
		past := rapid.Float64Range(1e-7, 1).Draw(t, "past")
		pb := rapid.Float64Range(0, 1).Draw(t, "pb") * rapid.SampledFrom([]float64{1, .1, .01}).Draw(t, "scale")
		if n.a == 0 && n.d <= 0 {
			return // no limit: refused by Validate
		}
		boundary := n.a*pb + n.d
		if boundary < 0 || boundary > 1 {
			return // not a rate: no such null
		}
		// Within the null, often on its boundary.
		within := rapid.SampledFrom([]float64{1, 1, .9, .5, 0}).Draw(t, "within")
		pc := boundary * within
		if !fail {
			pc = 1 - (1-boundary)*within
		}
		nc, nb := rapid.IntRange(0, 25).Draw(t, "nc"), rapid.IntRange(0, 60).Draw(t, "nb")
		if got := expectation(n, r, past, nc, nb, pc, pb); got > 1+1e-9 {
			t.Fatalf("E[e] = %.12f at pc=%v pb=%v nc=%d nb=%d", got, pc, pb, nc, nb)
		}
	})
}

// The bound is sharp for rare events, so that the property above can fail: an
// e-value that is a hundredth too large is found out.
func TestExpectationIsNearOneOnTheBoundary(t *testing.T) {
	n := null{a: 1, d: 0.002}
	got := expectation(n, failRatios[2], 0.005, 20, 60, 0.007, 0.005)
	if got < 0.99 || got > 1 {
		t.Errorf("E[e] = %v, want just below 1", got)
	}
}

func expectation(n null, r, past float64, nc, nb int, pc, pb float64) float64 {
	c := distuv.Binomial{N: float64(nc), P: pc}
	b := distuv.Binomial{N: float64(nb), P: pb}
	var sum float64
	for kc := range nc + 1 {
		for kb := range nb + 1 {
			t := tally{float64(kc), float64(nc), float64(kb), float64(nb)}
			sum += prob(c, kc) * prob(b, kb) * math.Exp(n.logE(t, r, past))
		}
	}
	return sum
}

// prob is gonum's binomial probability, right at the ends as well.
func prob(b distuv.Binomial, k int) float64 {
	switch {
	case b.P <= 0:
		return map[bool]float64{true: 1}[k == 0]
	case b.P >= 1:
		return map[bool]float64{true: 1}[float64(k) == b.N]
	}
	return b.Prob(float64(k))
}

// An estimate of the past may lie where no worse candidate exists. The bet must
// not turn into one against the null's other side.
func TestBetsNeverCrossOver(t *testing.T) {
	for _, n := range []null{{a: 2, d: 0.05}, {a: 1, d: 0.3}, {a: 1.1, d: -0.05}, {a: 1, d: -0.05}} {
		for _, past := range []float64{1e-6, 0.04, 0.7, 0.95, 1} {
			for _, r := range failRatios {
				pb := 0.06
				if got := expectation(n, r, past, 25, 40, (n.a*pb+n.d)/2, pb); got > 1+1e-9 {
					t.Errorf("null %+v, past %v, R %v: E[e] = %v within the null", n, past, r, got)
				}
			}
		}
	}
}
