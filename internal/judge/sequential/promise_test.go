package sequential

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The promise in small; bench/judge/leaves has it in full. Each quantity lies
// exactly on its limit and is looked at every 50 samples, to both sides.
func TestFalseAlarmsOnTheBoundary(t *testing.T) {
	const runs, looks, alpha = 200, 60, .05
	cells := []float64{.05, .05, .1, .1, .1, .1, .1, .1, .1, .2}
	psi := 0.0
	for _, p := range cells {
		psi += (p - .1) * math.Log(p/.1)
	}
	for _, c := range []struct {
		name  string
		start func(r *rand.Rand) func() (e Estimate, limit float64)
	}{
		{"mean", func(r *rand.Rand) func() (Estimate, float64) {
			var c, b Moments
			return func() (Estimate, float64) {
				for range 50 {
					c.Add(.95 * r.ExpFloat64())
					b.Add(r.ExpFloat64())
					b.Add(r.ExpFloat64())
				}
				return Difference(c.Estimate(), b.Estimate(), .95), 0
			}
		}},
		// Scores are exponential with rates 1 and 4: AUC = 4/5.
		{"AUC", func(r *rand.Rand) func() (Estimate, float64) {
			pos, neg := make(Histogram, 1000), make(Histogram, 1000)
			return func() (Estimate, float64) {
				for range 15 {
					pos[min(999, int(100*r.ExpFloat64()))]++
				}
				for range 35 {
					neg[min(999, int(25*r.ExpFloat64()))]++
				}
				return NewAUC(pos, neg).Estimate(), .8
			}
		}},
		{"PSI", func(r *rand.Rand) func() (Estimate, float64) {
			c, b := make(Histogram, 10), make(Histogram, 10)
			return func() (Estimate, float64) {
				for i, n := range drawn(r, 50, cells) {
					c[i] += n
				}
				for i, n := range drawn(r, 100, evenly(10)) {
					b[i] += n
				}
				v, se := PSI(c, b)
				return Estimate{v, se, Effective(total(c), total(b))}, psi
			}
		}},
	} {
		var above, below int
		for run := range runs {
			look := c.start(rand.New(rand.NewPCG(1, uint64(run))))
			crossed := [2]bool{}
			for range looks {
				e, limit := look()
				for side, over := range []bool{true, false} {
					crossed[side] = crossed[side] || e.Beyond(limit, alpha, over) >= -math.Log(alpha)
				}
			}
			if crossed[0] {
				above++
			}
			if crossed[1] {
				below++
			}
		}
		t.Logf("%s: %d above, %d below in %d runs", c.name, above, below, runs)
		if above > alpha*runs || below > alpha*runs {
			t.Errorf("%s: %d above, %d below in %d runs, want at most %v each", c.name, above, below, runs, alpha*runs)
		}
	}
}

// A judge that never speaks would keep any promise.
func TestRegressionsAreSeen(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	speaks := func(name string, within int, look func() float64) {
		for n := 50; n <= within; n += 50 {
			if look() >= math.Log(100) {
				return
			}
		}
		t.Errorf("%s: not seen within %d samples", name, within)
	}
	var c, b Moments
	speaks("mean −10 %", 5000, func() float64 {
		for range 50 {
			c.Add(.9 * r.ExpFloat64())
		}
		for range 450 {
			b.Add(r.ExpFloat64())
		}
		return Difference(c.Estimate(), b.Estimate(), 1).Beyond(0, .01, false)
	})
	hc, hb := make(Histogram, 10), make(Histogram, 10)
	speaks("PSI 0, limit 0.1", 1000, func() float64 {
		for i, n := range drawn(r, 50, evenly(10)) {
			hc[i] += n
		}
		for i, n := range drawn(r, 450, evenly(10)) {
			hb[i] += n
		}
		v, se := PSI(hc, hb)
		return Beyond(v, .1, se, Effective(total(hc), total(hb)), .01, false)
	})
	kc, kb := make(Histogram, 2), make(Histogram, 2)
	speaks("KS 0.2, limit 0.1", 4000, func() float64 {
		for i, n := range drawn(r, 50, []float64{.3, .7}) {
			kc[i] += n
		}
		for i, n := range drawn(r, 450, []float64{.5, .5}) {
			kb[i] += n
		}
		return KSEvidence(KS(kc, kb), total(kc), total(kb), .1, true)
	})
}

func total(h Histogram) (sum float64) {
	for _, n := range h {
		sum += n
	}
	return sum
}
