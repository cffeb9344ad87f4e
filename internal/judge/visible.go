package judge

import (
	"math"

	"github.com/headgate/headgate/internal/kpi"
)

// minDetectable is how far beyond its limit to roll back a candidate would have
// had to be for the evidence to be expected at its limit with the traffic so
// far; nil when nothing would have been seen.
func (j *Judge) minDetectable(g *gate) *float64 {
	t := g.rollback
	whole := j.state.whole()
	if !g.processes() || t.cond.subject.family == flow || t.cond.more() {
		return nil
	}
	c, need := t.shownComponent()
	tally, ok := t.tally(c, direct, whole.arms[kpi.Baseline], whole.arms[kpi.Candidate], &j.state.Past)
	if !ok || tally.nc == 0 || t.cond.Baseline && tally.nb == 0 {
		return nil
	}
	excess, ok := c.null.visible(tally, need-math.Log(g.alpha))
	if !ok {
		return nil
	}
	if t.cond.subject.family != tail {
		return &excess
	}
	return j.slower(t, c, whole.arms, excess)
}

// shownComponent is the one that stands for the test, and the logarithm that the
// average with the others costs it.
func (t *test) shownComponent() (component, float64) {
	for _, c := range t.components {
		if c.quantile == t.cond.shown() {
			return c, math.Log(float64(len(t.components)))
		}
	}
	return t.components[0], 0
}

// visible is the smallest excess of the candidate's rate over the limit whose
// expected ln E reaches need; false when not even 100 % would.
func (n null) visible(t tally, need float64) (float64, bool) {
	rate := 0.0
	if t.nb > 0 {
		rate = t.kb / t.nb
	}
	past := (0.5 + t.kb) / (1 + t.nb)
	limit := max(0, n.a*rate+n.d)
	expected := func(pc float64) float64 {
		t.kc = pc * t.nc
		best := math.Inf(-1)
		for _, r := range failRatios {
			best = max(best, n.logE(t, r, past))
		}
		return best + math.Log(0.5/alternatives)
	}
	if limit >= 1 || expected(1) < need {
		return 0, false
	}
	low, high := limit, 1.0
	for range 40 {
		if mid := (low + high) / 2; expected(mid) >= need {
			high = mid
		} else {
			low = mid
		}
	}
	return high - limit, true
}

// slower turns an excess share of slow requests into the seconds by which the
// quantile would lie beyond its limit if all latencies grew by one factor.
func (j *Judge) slower(t *test, c component, arms [2]readings, excess float64) *float64 {
	source := t.cond.subject.source
	shape, limit := arms[kpi.Candidate].get(source), t.cond.Offset
	share := above(c.quantile) + excess
	if t.cond.Baseline {
		shape = arms[kpi.Baseline].get(source)
		limit = t.candidateEdge(j.state.Past.Taus[c.tau].Edge).Seconds()
	}
	value, ok := j.layout.Edge(shape.at(c.quantile, false))
	reach, found := j.layout.Edge(shape.at(max(0, 1-share), false))
	if !ok || !found || value == 0 || reach == 0 {
		return nil
	}
	beyond := max(0, value.Seconds()*limit/reach.Seconds()-limit)
	return &beyond
}

// above is the share of requests beyond a quantile.
func above(q float64) float64 { return beyond(q, false) }
