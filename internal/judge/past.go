package judge

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

const (
	halfLife      = 10 * time.Minute
	tauInterval   = 5 * time.Minute
	tauExceedance = 5 // requests expected above a quantile before it is trusted
)

// past is what the baseline did before the open stratum, older requests counting
// for less. It only steers the bets: no promise rests on it. Exported fields are
// its state.
type past struct {
	At       time.Duration
	Requests float64
	Failures float64
	Latency  []float64 // by bin
	Taus     []tau     // by quantile
}

// tau is the baseline's quantile as last estimated, on an edge of the grid.
type tau struct {
	Known    bool
	Edge     time.Duration
	At       time.Duration // when it was estimated
	Requests float64       // from how many
}

// rate is the baseline's failure rate, shrunk so that it is never 0.
func (p *past) rate() float64 { return (0.5 + p.Failures) / (1 + p.Requests) }

// add takes in a stratum after it has been judged.
func (p *past) add(s kpi.Stratum) {
	if age := s.To - p.At; age > 0 {
		p.fade(math.Exp2(-float64(age) / float64(halfLife)))
		p.At = s.To
	}
	p.Requests += float64(s.Baseline.Requests)
	p.Failures += float64(s.Baseline.Failures)
	for _, b := range s.Baseline.Latency {
		if b.Index < len(p.Latency) {
			p.Latency[b.Index] += float64(b.Count)
		}
	}
}

func (p *past) fade(by float64) {
	p.Requests *= by
	p.Failures *= by
	for i := range p.Latency {
		p.Latency[i] *= by
	}
}

// estimate renews the taus that are due: every five minutes, and in the
// beginning whenever what they rest on has doubled. By time and arrivals only.
func (p *past) estimate(l *kpi.Layout, grid []time.Duration, quantiles []float64) {
	for i, q := range quantiles {
		t := &p.Taus[i]
		due := !t.Known || p.At-t.At >= tauInterval || p.Requests >= 2*t.Requests
		if !due || (p.Requests-p.Failures)*(1-q) < tauExceedance {
			continue
		}
		edge, ok := p.quantile(l, grid, q)
		*t = tau{Known: ok, Edge: edge, At: p.At, Requests: p.Requests}
	}
}

// quantile is the lowest edge of the grid with at least the share q of the
// answered requests at or below it. Failures are left out of it, and only of it:
// a baseline that fails more often than the quantile allows would have none, and
// the gate no place to count at. False when it lies beyond the grid.
func (p *past) quantile(l *kpi.Layout, grid []time.Duration, q float64) (time.Duration, bool) {
	var below float64
	answered := p.Requests - p.Failures
	next := 0
	for bin, n := range p.Latency {
		below += n
		edge, ok := l.Edge(bin)
		if !ok {
			break
		}
		if next < len(grid) && edge == grid[next] {
			next++
			if below >= q*answered && answered > 0 {
				return edge, true
			}
		}
	}
	return 0, false
}
