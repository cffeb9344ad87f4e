package sequential

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

// The expectation of E over every possible split of n requests is 1 exactly, and
// stays 1 over a change of the weight.
func TestSampleRatioIsAMartingale(t *testing.T) {
	binomial := func(k, n int, w float64) float64 {
		return math.Exp(-rising(1, float64(k))-rising(1, float64(n-k))+rising(1, float64(n))) * math.Pow(w, float64(k)) * math.Pow(1-w, float64(n-k))
	}
	for _, weight := range []float64{.01, .1, .5, .9} {
		mean := 0.0
		for k := range 41 {
			for m := range 21 {
				var s SampleRatio
				s.Add(float64(k), float64(40-k), weight)
				s.Add(0, 0, weight)
				s.Add(float64(m), float64(20-m), .3)
				mean += binomial(k, 40, weight) * binomial(m, 20, .3) * math.Exp(s.LnE())
			}
		}
		near(t, "expectation", mean, 1, 1e-9)
	}
}

func TestSampleRatioDoesNotDependOnStrata(t *testing.T) {
	var once, often SampleRatio
	once.Add(150, 850, .1)
	for range 50 {
		often.Add(3, 17, .1)
	}
	near(t, "ln E", often.LnE(), once.LnE(), 1e-9)
	if once.LnE() < math.Log(20) {
		t.Errorf("15 %% for 10 %% in 1,000 requests: ln E %v", once.LnE())
	}
}

func TestSampleRatioLeavesOutWhatIsNoSplit(t *testing.T) {
	var s SampleRatio
	if s.LnE() != 0 {
		t.Errorf("ln E %v before anything", s.LnE())
	}
	for _, w := range []float64{0, 1, -1, 2, math.NaN()} {
		s.Add(100, 100, w)
	}
	if (s != SampleRatio{}) {
		t.Errorf("%+v", s)
	}
}

func TestSampleRatioSurvivesJSONAndManySpans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var s SampleRatio
	for i := range 500 {
		w := []float64{.1, .25}[i%2]
		k := 0.0
		for range 200 {
			if r.Float64() < w {
				k++
			}
		}
		s.Add(k, 200-k, w)
	}
	if s.LnE() > math.Log(20) {
		t.Errorf("healthy, ln E %v", s.LnE())
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back SampleRatio
	if err := json.Unmarshal(text, &back); err != nil || back != s {
		t.Errorf("%v: %+v, want %+v", err, back, s)
	}
	s.Add(0, 1e9, .5)
	s.Add(1, 1, .1)
	if e := s.LnE(); !finite(e) || e < 100 {
		t.Errorf("a closed span without a candidate leaves ln E %v", e)
	}
}

// E of a 2×2 stratum has an expectation of at most 1 when both arms have the
// same share, whatever it is and whatever was bet: by enumeration.
func TestProportionsAreEValues(t *testing.T) {
	for _, past := range []Proportions{{}, {EventsC: 40, CountC: 50, EventsB: 10, CountB: 500}, {EventsC: 0, CountC: 90, EventsB: 30, CountB: 60}} {
		for _, q := range []float64{.01, .2, .5, .97} {
			mean := 0.0
			for i := range 6 {
				for j := range 21 {
					p := past
					p.Add(float64(i), 5, float64(j), 20)
					mean += chance(i, 5, q) * chance(j, 20, q) * math.Exp(p.LnE())
				}
			}
			if mean > 1+1e-12 {
				t.Errorf("past %+v, share %v: expectation %v", past, q, mean)
			}
		}
	}
}

func chance(k, n int, q float64) float64 {
	return math.Exp(rising(1, float64(n))-rising(1, float64(k))-rising(1, float64(n-k))) * math.Pow(q, float64(k)) * math.Pow(1-q, float64(n-k))
}

func TestProportionsSeeADifference(t *testing.T) {
	var p Proportions
	for range 40 {
		p.Add(5, 50, 20, 450)
	}
	if p.LnE() < math.Log(1000) {
		t.Errorf("10 %% against 4.4 %% in 20,000: ln E %v", p.LnE())
	}
	before := p.LnE()
	p.Add(5, 50, 0, 0)
	if p.LnE() != before {
		t.Error("a stratum of one arm speaks")
	}
}
