package judge

import (
	"math"
	"strconv"
	"time"

	"github.com/headgate/headgate/internal/judge/sequential"
	"github.com/headgate/headgate/internal/kpi"
)

// kpiArm is kpi.Baseline or kpi.Candidate.
type kpiArm = int

// span is what was counted on both arms over some time.
type span struct {
	arms    [2]readings
	repeats [2]uint64
	seconds float64
	step    bool // counted in the present step, and not since the rollout began
}

// slowest is the last edge of every layout.
const slowest = 100 * time.Second

// value of a KPI on one arm, in its own unit; nil where there is none. A
// quantile that lies among failed requests is shown as the slowest edge of the
// layout (of a quantity that is better when more, as 0): they are beyond every
// threshold.
func (c Condition) valueOf(l *kpi.Layout, s span, edges []int, arm kpiArm) *float64 {
	rs := s.arms[arm]
	r := rs.get(c.subject.source)
	switch c.subject.family {
	case events:
		if r.N == 0 {
			return nil
		}
		return ptr(float64(r.K) / float64(r.N))
	case tail:
		return c.quantileOf(l, r)
	case flow:
		if s.seconds == 0 || r.N == 0 {
			return nil
		}
		return ptr(float64(r.N-r.K+s.repeats[arm]) / s.seconds)
	case pairs:
		return worstRatio(rs, c.subject.source)
	case whole:
		return c.wholeValue(s, edges, arm)
	case freedom:
	}
	return nil
}

func (c Condition) wholeValue(s span, edges []int, arm kpiArm) *float64 {
	if !c.betweenArms() {
		e := c.estimate(s.arms[arm])
		if e.N == 0 || math.IsNaN(e.Value) {
			return nil
		}
		return &e.Value
	}
	if arm != kpi.Candidate {
		return nil
	}
	cand := s.arms[kpi.Candidate].get(c.subject.source).histogram(kpi.ScaleBins)
	base := s.arms[kpi.Baseline].get(c.subject.source).histogram(kpi.ScaleBins)
	if sum(cand) == 0 || sum(base) == 0 {
		return nil
	}
	if !c.grouped() {
		return ptr(sequential.KS(cand, base))
	}
	if edges == nil {
		edges = sequential.Deciles(base)
	}
	v, _ := sequential.PSI(sequential.Group(cand, edges), sequential.Group(base, edges))
	return &v
}

// quantileOf a histogram.
func (c Condition) quantileOf(l *kpi.Layout, r *reading) *float64 {
	if r.N == 0 {
		return nil
	}
	if c.subject.unit != duration {
		return ptr(kpi.TokenScale().Low(r.at(c.shown(), true)))
	}
	if edge, ok := l.Edge(r.at(c.shown(), false)); ok {
		return ptr(edge.Seconds())
	}
	return ptr(slowest.Seconds())
}

// at is the bin in which a quantile lies. What failed lies behind all bins, or
// before them.
func (r *reading) at(q float64, failedFirst bool) int {
	rank := uint64(math.Ceil(q * float64(r.N)))
	var seen uint64
	if failedFirst {
		seen = r.K
	}
	if failedFirst && seen >= rank {
		return 0
	}
	for i, n := range r.Bins {
		if seen += n; seen >= rank && n > 0 {
			return i
		}
	}
	return math.MaxInt
}

// counted is how many the value rests on.
func (c Condition) counted(rs readings) uint64 {
	r := rs.get(c.subject.source)
	switch {
	case c.subject.prefix:
		var n uint64
		for _, name := range rs.under(c.subject.source) {
			n += rs[c.subject.source+name].N
		}
		return n
	case c.subject.second != "":
		return r.N + rs.get(c.subject.second).N
	case c.betweenArms():
		return r.counted()
	}
	return r.N
}

// text of a value of the KPI.
func (c Condition) value(v *float64) string {
	switch {
	case v == nil:
		return "unknown"
	case c.subject.unit == duration && *v >= slowest.Seconds():
		return "at least " + slowest.String()
	case c.subject.unit == duration:
		return time.Duration(*v * float64(time.Second)).Round(100 * time.Microsecond).String()
	case c.subject.unit == number:
		return strconv.FormatFloat(*v, 'g', 4, 64)
	}
	return percentText(math.Round(*v*1e6)/1e6) + "%"
}

func ptr(v float64) *float64 { return &v }
