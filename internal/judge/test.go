package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// test is one condition ready to be counted: one component per latency
// quantile, a single one for a rate.
type test struct {
	cond       Condition
	components []component
	layout     *kpi.Layout
}

// component is the e-value of one threshold.
type component struct {
	quantile float64 // 0 for a rate
	tau      int     // index of the baseline's quantile in past.Taus
	edge     int     // bin edge of an absolute latency limit
	null     null
}

func newTest(c Condition, l *kpi.Layout, quantiles []float64) (*test, error) {
	t := &test{cond: c, layout: l}
	for _, d := range c.thresholds() {
		if _, ok := l.EdgeIndex(d); !ok {
			return nil, fmt.Errorf("%q counts at %v, which is no edge of the latency layout: make it with Config.Thresholds", c.Text, d)
		}
	}
	if !c.latency() {
		t.components = []component{{null: null{a: c.Factor, d: c.Offset}}}
		return t, nil
	}
	for _, q := range c.quantiles() {
		part := component{quantile: q, tau: slices.Index(quantiles, q), null: null{a: 1}}
		if !c.Baseline {
			part.edge, _ = l.EdgeIndex(seconds(c.Offset))
			part.null = null{d: above(q)}
		}
		t.components = append(t.components, part)
	}
	return t, nil
}

// above is the share of requests beyond a quantile, without the noise of 1−q.
func above(q float64) float64 { return float64(100-int(q*100+0.5)) / 100 }

// tally counts one component's events; false when the past does not say yet
// where to count.
func (t *test) tally(c component, b, cand kpi.Counts, p *past) (tally, bool) {
	out := tally{nc: float64(cand.Requests), nb: float64(b.Requests)}
	switch {
	case c.quantile == 0:
		out.kc, out.kb = float64(cand.Failures), float64(b.Failures)
	case !t.cond.Baseline:
		out.kc, out.kb = float64(cand.Over(c.edge)), float64(b.Over(c.edge))
	default:
		base, moved, ok := t.edges(c, p)
		if !ok {
			return tally{}, false
		}
		out.kc, out.kb = float64(cand.Over(moved)), float64(b.Over(base))
	}
	if !t.cond.Baseline {
		out.kb, out.nb = 0, 0
	}
	return out, true
}

// edges are the bins of the baseline's threshold and of the candidate's.
func (t *test) edges(c component, p *past) (base, moved int, ok bool) {
	tau := p.Taus[c.tau]
	if !tau.Known {
		return 0, 0, false
	}
	base, ok = t.layout.EdgeIndex(tau.Edge)
	if !ok {
		return 0, 0, false
	}
	moved, ok = t.layout.EdgeIndex(t.candidateEdge(tau.Edge))
	return base, moved, ok
}

func (t *test) candidateEdge(tau time.Duration) time.Duration { return t.cond.moved(tau) }
