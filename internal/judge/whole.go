package judge

import (
	"math"
	"strings"

	"github.com/headgate/headgate/internal/judge/sequential"
	"github.com/headgate/headgate/internal/kpi"
)

// fixed is what a comparison of distributions settles from the baseline's past
// before it begins: the groups that scores are counted in.
type fixed struct {
	Known bool
	Edges []int
}

// enoughToGroup is how many of the baseline's values have to be seen before the
// groups are settled. What came until then is not judged.
const enoughToGroup = 200

// stretch is what was counted of requests served at one weight. Arms are
// compared inside of it: a quantity that drifts while the split changes would
// otherwise pass for a difference between them.
type stretch struct {
	Arms [2]readings
}

// addWhole looks at all that was counted: one confidence sequence over the
// rollout toward rolling back, one over the step toward advancing.
func (g *gate) addWhole(state *gateState, in *closed) {
	if g.rollback.cond.grouped() && !g.settle(state, in) {
		return
	}
	g.gather(state, in)
	state.FailLn = g.rollback.whole(state.Fixed, in.total, state.Stretches)
	if own := in.stretch(0); g.require != nil && own < len(state.Stretches) {
		state.PassLn = max(state.PassLn, g.require.whole(state.Fixed, state.Stretches[own].Arms, state.Stretches[own:own+1]))
	}
}

// gather counts the stratum into the stretches that served it.
func (g *gate) gather(state *gateState, in *closed) {
	for arm, c := range [2]kpi.Counts{in.Baseline, in.Candidate} {
		for name, m := range c.Measures {
			at := in.stretch(m.Served)
			for len(state.Stretches) <= at {
				state.Stretches = append(state.Stretches, stretch{})
			}
			if state.Stretches[at].Arms[arm] == nil {
				state.Stretches[at].Arms[arm] = readings{}
			}
			g.wanted.measure(state.Stretches[at].Arms[arm], name, m)
		}
	}
}

// grouped says whether the condition compares distributions in groups.
func (c Condition) grouped() bool { return c.KPI == "psi" || strings.HasPrefix(c.KPI, "psi.") }

// betweenArms says whether the KPI itself is a comparison of the arms.
func (c Condition) betweenArms() bool {
	return c.grouped() || c.KPI == "ks" || strings.HasPrefix(c.KPI, "ks.")
}

// settle fixes the groups once the baseline's past says what they are; false
// while it does not.
func (g *gate) settle(state *gateState, in *closed) bool {
	if state.Fixed.Known {
		return true
	}
	source := g.rollback.cond.subject.source
	p := in.past.Sources[source]
	var seen float64
	if p != nil {
		for _, n := range p.Bins {
			seen += n
		}
	}
	if seen < enoughToGroup {
		return false
	}
	state.Fixed = fixed{Known: true, Edges: sequential.Deciles(p.Bins)}
	return false // from the next stratum on
}

// whole is ln E of the condition's test: over all of the candidate's counts where
// it is held against a number, over the stretches where it is compared.
func (t *test) whole(f fixed, all [2]readings, stretches []stretch) float64 {
	c := t.cond
	over := t.worse != c.more() // toward failing: that a bad value is above its limit, or a good one below
	if !c.Baseline && !c.betweenArms() {
		return c.estimate(all[kpi.Candidate]).Beyond(c.Offset, t.alpha, over)
	}
	if c.betweenArms() && !c.grouped() {
		return t.distances(stretches, over)
	}
	var found []sequential.Estimate
	for _, s := range stretches {
		found = append(found, t.difference(f, s.Arms))
	}
	return sequential.Pool(found).Beyond(c.Offset, t.alpha, over)
}

// difference of the arms in one stretch.
func (t *test) difference(f fixed, arms [2]readings) sequential.Estimate {
	c := t.cond
	if !c.grouped() {
		return sequential.Difference(c.estimate(arms[kpi.Candidate]), c.estimate(arms[kpi.Baseline]), c.Factor)
	}
	nc, nb := t.histogram(arms, kpi.Candidate), t.histogram(arms, kpi.Baseline)
	v, se := sequential.PSI(sequential.Group(nc, f.Edges), sequential.Group(nb, f.Edges))
	return sequential.Estimate{Value: v, SE: se, N: sequential.Effective(sum(nc), sum(nb))}
}

// distances is ln E of the Kolmogorov-Smirnov test. Its E must not be averaged:
// the k-th stretch has the part 1/(k(k+1)) of the error probability.
func (t *test) distances(stretches []stretch, over bool) float64 {
	best, k := 0.0, 0.0
	for _, s := range stretches {
		nc, nb := t.histogram(s.Arms, kpi.Candidate), t.histogram(s.Arms, kpi.Baseline)
		if sum(nc) == 0 || sum(nb) == 0 {
			continue
		}
		k++
		spent := 0.0
		if t.worse { // a step passes by one stretch alone
			spent = math.Log(k * (k + 1))
		}
		best = max(best, sequential.KSEvidence(sequential.KS(nc, nb), sum(nc), sum(nb), t.cond.Offset, over)-spent)
	}
	return best
}

func (t *test) histogram(arms [2]readings, arm int) []float64 {
	return arms[arm].get(t.cond.subject.source).histogram(kpi.ScaleBins)
}

// estimate is the KPI's value on one arm with its standard error.
func (c Condition) estimate(rs readings) sequential.Estimate {
	one, other := rs.get(c.subject.source), rs.get(c.subject.second)
	switch c.KPI {
	case "auc":
		return sequential.NewAUC(one.histogram(kpi.ScaleBins), other.histogram(kpi.ScaleBins)).Estimate()
	case "f1":
		tp, fp, fn := float64(one.K), float64(other.K), float64(one.N-one.K)
		v, se := sequential.F1(tp, fp, fn)
		return sequential.Estimate{Value: v, SE: se, N: tp + fp + fn}
	case "calibration_error":
		return sequential.Calibration(one.histogram(kpi.ScaleBins), other.histogram(kpi.ScaleBins))
	case "rmse":
		v, se := sequential.RMSE(float64(one.N), one.Sum, one.Square)
		return sequential.Estimate{Value: v, SE: se, N: float64(one.N)}
	}
	return sequential.Moments{N: float64(one.N), Sum: one.Sum, Square: one.Square}.Estimate()
}

func sum(h []float64) float64 {
	var n float64
	for _, v := range h {
		n += v
	}
	return n
}
