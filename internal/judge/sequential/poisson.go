package sequential

import "math"

// rateRatios are the alternatives to a rate, as multiples of it.
var (
	rateBelow = [...]float64{.95, .9, .8, .6, .4, .2, .05}
	rateAbove = [...]float64{1.05, 1.1, 1.25, 1.5, 2, 4, 10}
)

// PoissonRate is the evidence on the rate of events of one arm against a limit,
// for instance of answers per second. With k events in t seconds and the limit λ,
//
//	e = x^k · exp(−t·λ·(x−1))
//
// has an expectation of at most 1 when events are Poisson with an average rate
// of at most λ (x > 1) or at least λ (x < 1); E is the average over seven x.
// Exact for Poisson events at any drifting rate; arrivals in bursts are not, so
// there it promises nothing. Use one value per limit.
type PoissonRate struct {
	Events, Expected float64 // Σ k and Σ t·λ
}

// Add takes in a closed stratum.
func (p *PoissonRate) Add(events, seconds, rate float64) {
	p.Events = count(p.Events + count(events))
	p.Expected = count(p.Expected + count(seconds)*count(rate))
}

// LnE is ln E that the rate is above the limit (over) or below it.
func (p *PoissonRate) LnE(over bool) float64 {
	ratios := rateBelow
	if over {
		ratios = rateAbove
	}
	ln := math.Inf(-1)
	for _, x := range ratios {
		ln = logAdd(ln, p.Events*math.Log(x)-p.Expected*(x-1))
	}
	return bounded(ln - math.Log(float64(len(ratios))))
}
