package sequential

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

func TestMomentsAreThoseOfTheSample(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var m Moments
	var all []float64
	for range 5000 {
		x := 100 + 3*r.NormFloat64()
		m.Add(x)
		all = append(all, x)
	}
	mean, sd := stat.MeanStdDev(all, nil)
	near(t, "mean", m.Value(), mean, 1e-9)
	near(t, "plain SE", m.plainSE(), stat.StdErr(sd, 5000), 1e-8)
	near(t, "SE / plain", m.SE()/m.plainSE(), 1+4*sd/mean/math.Sqrt(5000), 1e-6)
}

func TestMeansWaitForEnough(t *testing.T) {
	for _, c := range []struct {
		name  string
		m     Moments
		ready bool
	}{
		{"nothing", Moments{}, false},
		{"one", Moments{1, 5, 25}, false},
		{"49", Moments{49, 49, 60}, false},
		{"50", Moments{50, 50, 60}, true},
		{"no spread", Moments{1e6, 1e6, 1e6}, false},
		{"spread that is rounding", Moments{1e6, 1e12, 1e18 * (1 + 1e-15)}, false},
		{"40 ones in 1,000", Moments{1000, 40, 40}, false},
		{"60 ones in 1,000", Moments{1000, 60, 60}, true},
		{"around zero, 10,000", Moments{10000, 0, 10000}, false},
		{"around zero, 12,000", Moments{12000, 0, 12000}, true},
		{"no numbers", Moments{math.NaN(), 1, 1}, false},
	} {
		if se := c.m.SE(); se > 0 != c.ready || !finite(se) || !finite(c.m.Value()) {
			t.Errorf("%s: SE %v, value %v", c.name, se, c.m.Value())
		}
	}
}

func TestRMSE(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	// The spread over many samples is the standard error of one.
	var values, ses []float64
	for range 2000 {
		var n, square, fourth float64
		for range 2000 {
			x := 2 * r.NormFloat64()
			n, square, fourth = n+1, square+x*x, fourth+x*x*x*x
		}
		value, se := RMSE(n, square, fourth)
		values, ses = append(values, value), append(ses, se)
	}
	mean, sd := stat.MeanStdDev(values, nil)
	near(t, "RMSE", mean, 2, .01)
	// Raised by 1 + 4·sqrt(2)/sqrt(2000).
	near(t, "SE against the spread", stat.Mean(ses, nil)/sd, 1.126, .06)
	if v, se := RMSE(0, 0, 0); v != 0 || se != 0 {
		t.Errorf("of nothing: %v, %v", v, se)
	}
}

func TestF1(t *testing.T) {
	value, _ := F1(12, 8, 8)
	near(t, "F1", value, .6, 1e-12)
	r := rand.New(rand.NewPCG(7, 8))
	var values, ses []float64
	for range 2000 {
		var cells [4]float64
		for range 2000 {
			switch u := r.Float64(); {
			case u < .12:
				cells[0]++
			case u < .20:
				cells[1]++
			case u < .28:
				cells[2]++
			}
		}
		v, se := F1(cells[0], cells[1], cells[2])
		values, ses = append(values, v), append(ses, se)
	}
	mean, sd := stat.MeanStdDev(values, nil)
	near(t, "mean F1", mean, .6, .005)
	near(t, "SE against the spread", stat.Mean(ses, nil)/sd, 1, .06)
	for _, c := range [][3]float64{{0, 0, 0}, {0, 5, 0}, {50, 0, 0}, {-1, math.NaN(), 3}} {
		v, se := F1(c[0], c[1], c[2])
		if !finite(v) || !finite(se) || se == 0 && c[0]+c[1]+c[2] > 0 {
			t.Errorf("%v: %v, %v", c, v, se)
		}
	}
}
