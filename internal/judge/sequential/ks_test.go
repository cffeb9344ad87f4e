package sequential

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
)

func TestKSIsTheTextbooks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		var x, y []float64
		var scoresX, scoresY []int
		for range 200 {
			i, j := min(255, r.IntN(256)+20), r.IntN(256)
			scoresX, scoresY = append(scoresX, i), append(scoresY, j)
			x, y = append(x, float64(i)), append(y, float64(j))
		}
		slices.Sort(x)
		slices.Sort(y)
		near(t, "KS", KS(binned(scoresX, 256), binned(scoresY, 256)), stat.KolmogorovSmirnov(x, nil, y, nil), 1e-12)
	}
	near(t, "apart", KS(Histogram{5, 0}, Histogram{0, 7}), 1, 0)
	near(t, "nothing", KS(nil, Histogram{1}), 0, 0)
}

// radius as statistics.md has it.
func radius(n, alpha float64) float64 {
	return .85 * math.Sqrt((math.Log(math.Log(math.E*n))+.8*math.Log(1612/alpha))/n)
}

func TestKSEvidenceInvertsTheRadii(t *testing.T) {
	for _, alpha := range []float64{.05, .01, 1e-6} {
		for _, n := range [][2]float64{{100, 900}, {5000, 5000}, {1e8, 3}} {
			reach := radius(n[0], alpha/2) + radius(n[1], alpha/2)
			e := KSEvidence(.3+reach, n[0], n[1], .3, true)
			near(t, "above", e, -math.Log(alpha), 1e-6)
			near(t, "below", KSEvidence(.3-reach, n[0], n[1], .3, false), e, 1e-6)
		}
	}
	if KSEvidence(.3, 1e6, 1e6, .3, true) != 0 || KSEvidence(1, 0, 1e6, .3, true) != 0 || KSEvidence(math.NaN(), 9, 9, .3, true) != 0 {
		t.Error("evidence of nothing")
	}
	last := 0.0
	for d := .1; d < 1; d += .01 {
		e := KSEvidence(d, 1000, 1000, .1, true)
		if e < last {
			t.Fatalf("%v at %v after %v", e, d, last)
		}
		last = e
	}
}
