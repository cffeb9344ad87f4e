package sequential

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// labelled draws scores whose positives are off by off from what they promise.
func labelled(r *rand.Rand, n int, off float64) (pos, neg Histogram) {
	pos, neg = make(Histogram, 256), make(Histogram, 256)
	for range n {
		i := r.IntN(256)
		score := (float64(i) + .5) / 256
		if r.Float64() < score+off*(1-2*score) {
			pos[i]++
		} else {
			neg[i]++
		}
	}
	return pos, neg
}

// Within a group of a tenth, score and off·(1−2·score) are nearly constant: the
// root mean square of off·(1−2·score) over the groups is close to off/√3.
func TestCalibrationIsCentred(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, off := range []float64{0, .1, .3} {
		var values, ses []float64
		for range 1000 {
			pos, neg := labelled(r, 1000, off)
			e := Calibration(pos, neg)
			values, ses = append(values, e.Value), append(ses, e.SE)
		}
		want := off / math.Sqrt(3)
		if off > 0 {
			near(t, "calibration error", stat.Mean(values, nil), want, .006)
			near(t, "SE against the spread", stat.Mean(ses, nil)/stat.StdDev(values, nil), 1.1, .2)
		} else if m := stat.Mean(values, nil); m > .02 {
			t.Errorf("a calibrated model shows %v on average; uncorrected it would be 0.04", m)
		}
	}
}

func TestCalibrationOfOneClassOrNothing(t *testing.T) {
	if (Calibration(nil, nil) != Estimate{}) {
		t.Error("of nothing something")
	}
	pos := make(Histogram, 256)
	pos[0] = 1000 // certain of the wrong class
	e := Calibration(pos, nil)
	near(t, "all wrong", e.Value, 1, .01)
	if !(e.SE > 0) || e.Beyond(.5, .01, true) < math.Log(100) {
		t.Errorf("all wrong: %+v", e)
	}
}
