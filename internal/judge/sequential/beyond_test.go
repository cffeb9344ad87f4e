package sequential

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"
	"pgregory.net/rapid"
)

// halfWidth is the published one, in standard errors.
func halfWidth(n, alpha float64) float64 {
	l := -2 * math.Log(2*alpha)
	v := n * (l + math.Log(1+l)) / 5000
	return math.Sqrt(2 * (v + 1) / v * math.Log(1+math.Sqrt(v+1)/(2*alpha)))
}

// corrected undoes the correction for small n.
func corrected(z, n float64) float64 { return z / (1 - skew*z/math.Sqrt(n)) }

func TestEvidenceReachesOneOverAlphaAtThePublishedHalfWidth(t *testing.T) {
	for _, alpha := range []float64{.2, .05, .01, .001, 1e-6} {
		for _, n := range []float64{2000, 5000, 1e5, 1e7, 1e9} {
			at := func(z float64) float64 { return math.Exp(Beyond(1+z, 1, 1, n, alpha, true)) * alpha }
			published := corrected(halfWidth(n, alpha), n)
			if e := at(published); e < 1 || e > 1.6 {
				t.Errorf("n %v, alpha %v: E·alpha = %v at the published half-width", n, alpha, e)
			}
			if e := at(.9 * published); e > 1 {
				t.Errorf("n %v, alpha %v: E·alpha = %v a tenth inside of it", n, alpha, e)
			}
		}
	}
}

// E is the mixture it says it is: the integral of the likelihood ratio of a
// drift over the half-normal distribution with scale r.
func TestEvidenceIsTheHalfNormalMixture(t *testing.T) {
	const n, alpha = 3000.0, .05
	r := math.Sqrt(scale(alpha))
	for _, z := range []float64{-3, -1, 0, 1, 2.5, 4} {
		s := z * math.Sqrt(n) // the Brownian motion at time n
		mixture := quad.Fixed(func(drift float64) float64 {
			density := 2 / (r * math.Sqrt(2*math.Pi)) * math.Exp(-drift*drift/(2*r*r))
			return density * math.Exp(drift*s-drift*drift*n/2)
		}, 0, 8*r, 400, quad.Legendre{}, 0)
		margin := z / (1 - skew*math.Abs(z)/math.Sqrt(n))
		near(t, "ln E", Beyond(margin, 0, 1, n, alpha, true), math.Log(mixture), 1e-6)
	}
}

func TestBeyondSaysNothingBeforeItCan(t *testing.T) {
	for _, c := range []struct{ se, n float64 }{
		{0, 100}, {-1, 100}, {math.NaN(), 100}, {math.Inf(1), 100}, {1, 24.9}, {1, math.NaN()}, {1, -1},
	} {
		if e := Beyond(1e9, 0, c.se, c.n, .05, true); e != 0 {
			t.Errorf("se %v, n %v: ln E = %v", c.se, c.n, e)
		}
	}
}

func TestBeyondIsMonotoneMirroredAndFinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		estimate, limit := rapid.Float64Range(-10, 10).Draw(t, "estimate"), rapid.Float64Range(-10, 10).Draw(t, "limit")
		se, n := rapid.Float64Range(1e-6, 10).Draw(t, "se"), math.Exp(rapid.Float64Range(3.3, 40).Draw(t, "ln n"))
		alpha := math.Exp(-rapid.Float64Range(0, 20).Draw(t, "-ln alpha"))
		e := Beyond(estimate, limit, se, n, alpha, true)
		if !finite(e) {
			t.Fatalf("ln E = %v", e)
		}
		if mirror := Beyond(-estimate, -limit, se, n, alpha, false); mirror != e {
			t.Fatalf("above %v, mirrored %v", e, mirror)
		}
		more := rapid.Float64Range(0, 10).Draw(t, "more")
		if further := Beyond(estimate+more, limit, se, n, alpha, true); further < e-1e-9*math.Abs(e) {
			t.Fatalf("%v, further out %v", e, further)
		}
		// Evidence for one side is none for the other.
		if other := Beyond(estimate, limit, se, n, alpha, false); min(e, other) > 0 {
			t.Fatalf("above %v and below %v at once", e, other)
		}
	})
}

func TestTiltedIsSmoothWhereItChangesItsFormula(t *testing.T) {
	near(t, "at −25", logTilted(-25.0001), logTilted(-24.9999), 1e-5)
	// Mills' ratio at −30.
	near(t, "at −30", logTilted(-30), math.Log((1-1./900+3./810000)/(30*math.Sqrt(2*math.Pi))), 1e-7)
}

func TestPoolIsTheWeightedMean(t *testing.T) {
	p := Pool([]Estimate{{1, .1, 100}, {3, .2, 300}, {SE: 0, Value: 9, N: 5}, {SE: 1, Value: 9}})
	near(t, "value", p.Value, 2.5, 1e-12)
	near(t, "se", p.SE, math.Hypot(.25*.1, .75*.2), 1e-12)
	near(t, "n", p.N, 400, 0)
	closed := Pool([]Estimate{{1, .1, 100}, {3, .2, 300}})
	all, inSteps := Pool([]Estimate{{1, .1, 100}, {3, .2, 300}, {2, .4, 50}}), Pool([]Estimate{closed, {2, .4, 50}})
	near(t, "value in steps", inSteps.Value, all.Value, 1e-12)
	near(t, "se in steps", inSteps.SE, all.SE, 1e-12)
	if (Pool(nil) != Estimate{}) {
		t.Error("nothing is not nothing")
	}
}

// What a Simpson's paradox does to the plain difference, and not to the pooled.
func TestPoolComparesInsideSpans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var plainC, plainB Moments
	var spans []Estimate
	for _, s := range []struct {
		level float64
		c, b  int
	}{{1, 100, 900}, {2, 1000, 1000}} {
		var c, b Moments
		for range s.c {
			x := s.level + r.NormFloat64()
			c.Add(x)
			plainC.Add(x)
		}
		for range s.b {
			x := s.level + r.NormFloat64()
			b.Add(x)
			plainB.Add(x)
		}
		spans = append(spans, Difference(c.Estimate(), b.Estimate(), 1))
	}
	if e := Difference(plainC.Estimate(), plainB.Estimate(), 1).Beyond(0, .01, true); e < math.Log(100) {
		t.Errorf("the plain difference shows ln E %v: no paradox here", e)
	}
	if e := Pool(spans).Beyond(0, .01, true); e > 1 {
		t.Errorf("the pooled difference shows ln E %v", e)
	}
}

func TestDifference(t *testing.T) {
	d := Difference(Estimate{.7, .03, 100}, Estimate{.8, .04, 300}, .5)
	near(t, "value", d.Value, .3, 1e-12)
	near(t, "se", d.SE, math.Hypot(.03, .02), 1e-12)
	near(t, "n", d.N, 75, 1e-9)
	if d := Difference(Estimate{.7, 0, 100}, Estimate{.8, .04, 300}, .5); d.SE != 0 || d.Beyond(0, .05, true) != 0 {
		t.Errorf("without one standard error: %+v", d)
	}
}
