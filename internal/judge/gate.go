package judge

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// gate is a configured gate with its two tests. Its state lies in gateState.
type gate struct {
	config   GateConfig
	alpha    float64
	rollback *test
	require  *test // nil for a guard
}

// gateState is what a gate remembers; exported for the checkpoint.
type gateState struct {
	Fail    []failProcess
	Pass    []passProcess
	Failed  bool    // latched for the rollout
	FailedE float64 // ln E at that moment
	Carry   Verdict // of the last step that had both arms; "" when none had
}

func newGate(c Config, i int, l *kpi.Layout, quantiles []float64) (*gate, error) {
	require, rollback, err := c.Gates[i].conditions()
	if err != nil {
		return nil, err
	}
	g := &gate{config: c.Gates[i], alpha: c.alpha(i)}
	if g.rollback, err = newTest(rollback, l, quantiles); err != nil {
		return nil, err
	}
	if require == nil {
		return g, nil
	}
	g.require, err = newTest(*require, l, quantiles)
	return g, err
}

// relative says whether the gate's limit to advance needs the baseline.
func (g *gate) relative() bool { return g.require != nil && g.require.cond.Baseline }

func (g *gate) fresh() gateState {
	s := gateState{}
	for range g.rollback.components {
		s.Fail = append(s.Fail, newFailProcess())
	}
	g.beginStep(&s)
	return s
}

// beginStep starts the pass processes of a step.
func (g *gate) beginStep(s *gateState) {
	s.Pass = nil
	if g.require == nil {
		return
	}
	for range g.require.components {
		s.Pass = append(s.Pass, newPassProcess())
	}
}

// add judges one closed stratum with what was known before it opened.
func (g *gate) add(state *gateState, s kpi.Stratum, p *past, r restarts) {
	rate := p.rate()
	for i, c := range g.rollback.components {
		state.Fail[i].restart(r, s.From)
		if t, ok := g.rollback.tally(c, s.Baseline, s.Candidate, p); ok {
			state.Fail[i].add(c.null, t, rate)
		}
	}
	if ln := state.failE(); !state.Failed && ln >= -math.Log(g.alpha) {
		state.Failed, state.FailedE = true, ln
	}
	if g.require == nil {
		return
	}
	for i, c := range g.require.components {
		if t, ok := g.require.tally(c, s.Baseline, s.Candidate, p); ok {
			state.Pass[i].add(c.null, t, rate)
		}
	}
}

// failE is ln of the average over the components: an average of e-processes of
// one null is one.
func (s *gateState) failE() float64 {
	ln := math.Inf(-1)
	for i := range s.Fail {
		ln = logAdd(ln, s.Fail[i].logE())
	}
	return ln - math.Log(float64(len(s.Fail)))
}

// passE is ln of the weakest component at its best: the candidate is shown to be
// within the limit only when it is at every quantile, and a claim about all of
// several needs no correction when each is shown.
func (s *gateState) passE() float64 {
	ln := math.Inf(1)
	for i := range s.Pass {
		ln = min(ln, s.Pass[i].Best)
	}
	return ln
}

// safe says whether the limit to advance was shown to hold in this step.
func (g *gate) safe(s *gateState, beta float64) bool {
	return g.require != nil && s.passE() >= -math.Log(beta)
}

// slowest is the last edge of every layout.
const slowest = 100 * time.Second

// measured is the gate's value on one arm, as a rate or in seconds. A quantile
// that lies among failed requests is shown as the slowest edge of the layout:
// they are over every threshold.
func (g *gate) measured(l *kpi.Layout, c kpi.Counts) *float64 {
	cond := g.rollback.cond
	if c.Requests == 0 {
		return nil
	}
	if !cond.latency() {
		v := float64(c.Failures) / float64(c.Requests)
		return &v
	}
	d, ok := l.Quantile(c, cond.shown())
	if !ok {
		d = slowest
	}
	v := d.Seconds()
	return &v
}

// text of a value of the gate, for reasons.
func (c Condition) value(v *float64) string {
	switch {
	case v == nil:
		return "unknown"
	case c.latency() && *v >= slowest.Seconds():
		return "at least " + slowest.String()
	case c.latency():
		return time.Duration(*v * float64(time.Second)).Round(100 * time.Microsecond).String()
	}
	return percentText(math.Round(*v*1e6)/1e6) + "%"
}
