package sequential

import "math"

// shrink is how many outcomes of both arms together each arm's own past is mixed
// with, so that the first few of them are not bet on.
const shrink = 20

// Proportions is the evidence, to both sides, that the arms' shares of events
// differ: that outcomes go missing on one arm more than on the other. Of each
// stratum it takes the e-value of Turner, Ly and Grünwald 2021 ("Safe tests for
// 2×2 contingency tables"): the likelihood under the shares pc and pb over that
// under the share of both together, q = (nc·pc + nb·pb)/(nc+nb). With the same
// average share in both arms its expectation is at most 1 whatever that share
// is, so drifts do no harm. pc and pb come from the strata before: exact.
//
// Strata must be closed by time and arrivals, never by outcomes.
type Proportions struct {
	EventsC, CountC, EventsB, CountB float64 // of the strata so far
	Ln                               float64
}

// Add takes in a closed stratum: events among the requests of each arm.
func (p *Proportions) Add(kc, nc, kb, nb float64) {
	nc, nb = count(nc), count(nb)
	kc, kb = min(count(kc), nc), min(count(kb), nb)
	if nc > 0 && nb > 0 {
		both := (p.EventsC + p.EventsB + 0.5) / (p.CountC + p.CountB + 1)
		pc := (p.EventsC + shrink*both) / (p.CountC + shrink)
		pb := (p.EventsB + shrink*both) / (p.CountB + shrink)
		q := (nc*pc + nb*pb) / (nc + nb)
		p.Ln = bounded(p.Ln + likelihood(kc, nc, pc, q) + likelihood(kb, nb, pb, q))
	}
	p.EventsC, p.CountC = p.EventsC+kc, p.CountC+nc
	p.EventsB, p.CountB = p.EventsB+kb, p.CountB+nb
}

// LnE is ln E.
func (p *Proportions) LnE() float64 { return p.Ln }

// likelihood is ln of the likelihood of k in n under p over that under q.
func likelihood(k, n, p, q float64) float64 {
	return k*math.Log(p/q) + (n-k)*math.Log((1-p)/(1-q))
}
