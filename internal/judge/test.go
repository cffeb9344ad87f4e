package judge

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// test is one condition ready to be counted: toward rolling back, or toward
// advancing. One component per quantile, a single one otherwise.
type test struct {
	cond       Condition
	worse      bool // what is to be shown is that the candidate is worse
	alpha      float64
	components []component
	layout     *kpi.Layout
}

// component is the e-value of one threshold.
type component struct {
	quantile float64 // 0 where there is none
	tau      int     // index of the baseline's quantile in past.Taus
	edge     int     // bin edge of an absolute limit
	null     null
}

// side says which of two ways of counting is used: the events themselves, or
// those that lack them. The bound behind the e-values is loose for large shares,
// and the rarer of both is tested.
type side uint8

const (
	undecided side = iota
	direct
	inverse
)

const (
	// rarer is the share above which the opposite is counted.
	rarer = 0.5
	// enoughToChoose is how many of the baseline's have to be seen before.
	enoughToChoose = 50
)

func newTest(c Condition, worse bool, alpha float64, l *kpi.Layout, taus []tauOf) (*test, error) {
	t := &test{cond: c, worse: worse, alpha: alpha, layout: l}
	for _, d := range c.thresholds() {
		if _, ok := l.EdgeIndex(d); !ok {
			return nil, fmt.Errorf("%q counts at %v, which is no edge of the latency layout: make it with Config.Thresholds", c.Text, d)
		}
	}
	switch c.subject.family {
	case events, pairs, freedom, whole:
		t.components = []component{{null: null{a: c.Factor, d: c.Offset}}}
	case flow:
		t.components = []component{{null: null{d: c.Offset, unbounded: true}}}
	case tail:
		for _, q := range c.subject.quantile {
			t.components = append(t.components, t.tail(q, taus))
		}
	}
	return t, nil
}

// tail is the component of one quantile.
func (t *test) tail(q float64, taus []tauOf) component {
	c := t.cond
	part := component{quantile: q, tau: slices.Index(taus, c.tauOf(q)), null: null{a: 1}}
	if c.Baseline {
		return part
	}
	part.null = null{d: beyond(q, c.more())}
	if c.subject.unit == duration {
		part.edge, _ = t.layout.EdgeIndex(seconds(c.Offset))
	} else {
		part.edge, _ = kpi.TokenScale().Bin(c.Offset)
	}
	return part
}

// tauOf is the quantile of the baseline that the condition is held against.
func (c Condition) tauOf(q float64) tauOf {
	return tauOf{source: c.subject.source, quantile: q, more: c.more(), linear: c.subject.unit != duration}
}

// beyond is the share of requests on the bad side of a quantile, without the
// noise of 1−q.
func beyond(q float64, more bool) float64 {
	if more {
		return q
	}
	return float64(100-int(q*100+0.5)) / 100
}

// up says whether the evidence is for a candidate with more events than the
// limit: errors that make it worse, clicks that make it good enough.
func (t *test) up(s side) bool {
	up := t.worse != t.cond.more()
	if t.cond.subject.family == tail { // events are those on the bad side
		up = t.worse
	}
	return up != (s == inverse)
}

// choose decides how to count, from what came before: never from the stratum
// that is judged.
func (t *test) choose(p *past) side {
	c := t.cond
	switch {
	case c.subject.family != events || !c.more():
		return direct
	case !c.Baseline && c.Offset > rarer:
		return inverse
	case !c.Baseline:
		return direct
	case p.seen(c.subject.source) < enoughToChoose:
		return undecided
	case p.rate(c.subject.source) > rarer && c.Factor <= 1:
		return inverse
	}
	return direct
}

// opposite is the same limit on the events that are counted the other way.
func (n null) opposite() null {
	n.d = 1 - n.a - n.d
	if n.a == 0 {
		return n
	}
	if math.Abs(n.d) < 1e-12 { // 1 − 0.8 − 0.2
		n.d = 0
	}
	return n
}

// tally counts one component's events; false when the past does not say yet
// where to count.
func (t *test) tally(c component, s side, b, cand readings, p *past) (tally, bool) {
	base, rc := b.get(t.cond.subject.source), cand.get(t.cond.subject.source)
	out := tally{nc: float64(rc.N), nb: float64(base.N)}
	switch {
	case t.cond.subject.family != tail:
		out.kc, out.kb = float64(rc.K), float64(base.K)
		if s == inverse {
			out.kc, out.kb = out.nc-out.kc, out.nb-out.kb
		}
	case !t.cond.Baseline:
		out.kc, out.kb = t.bad(rc, c.edge), t.bad(base, c.edge)
	default:
		from, moved, ok := t.edges(c, p)
		if !ok {
			return tally{}, false
		}
		out.kc, out.kb = t.bad(rc, moved), t.bad(base, from)
	}
	if !t.cond.Baseline {
		out.kb, out.nb = 0, 0
	}
	return out, true
}

// bad counts what lies on the bad side of an edge.
func (t *test) bad(r *reading, edge int) float64 {
	if t.cond.more() {
		return r.under(edge)
	}
	return r.over(edge)
}

// flow counts the answers of the candidate in a stratum: events per second.
func (t *test) flow(s kpi.Stratum) tally {
	c := s.Candidate
	return tally{kc: float64(c.Requests - c.Failures + c.Repeats), nc: (s.To - s.From).Seconds()}
}

// edges are the bins of the baseline's threshold and of the candidate's.
func (t *test) edges(c component, p *past) (base, moved int, ok bool) {
	known := p.Taus[c.tau]
	if !known.Known {
		return 0, 0, false
	}
	if t.cond.subject.unit != duration {
		scale := kpi.TokenScale()
		moved, ok = scale.Bin(scale.Low(known.Bin)*t.cond.Factor + t.cond.Offset)
		return known.Bin, moved, ok
	}
	base, ok = t.layout.EdgeIndex(known.Edge)
	if !ok {
		return 0, 0, false
	}
	moved, ok = t.layout.EdgeIndex(t.candidateEdge(known.Edge))
	return base, moved, ok
}

func (t *test) candidateEdge(tau time.Duration) time.Duration { return t.cond.moved(tau) }

// past is the baseline's share that a bet rests on.
func (t *test) past(s side, p *past) float64 {
	rate := p.rate(t.cond.subject.source)
	if s == inverse {
		return 1 - rate
	}
	return rate
}
