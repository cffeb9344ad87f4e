package judge

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/judge/sequential"
	"github.com/headgate/headgate/internal/kpi"
)

// gate is a configured gate with its two tests. Its state lies in gateState.
type gate struct {
	config   GateConfig
	alpha    float64
	rollback *test
	require  *test // nil for a guard
	free     *free // instead of both, for an expression
	wanted   wanted
}

// gateState is what a gate remembers; exported for the checkpoint.
type gateState struct {
	Fail      []failProcess
	Pass      []passProcess
	FailSide  side
	PassSide  side
	Pairs     []pairState
	Fixed     fixed
	Stretches []stretch
	Free      freeState
	FailLn    float64 // ln E of a test over all that was counted
	PassLn    float64 // the same toward passing, at its best
	Failed    bool    // latched for the rollout
	FailedE   float64 // ln E at that moment
	Climb     climb
	Carry     Verdict // of the last step that had both arms; "" when none had
}

// closed is a stratum with all that a gate may want to know at its end.
type closed struct {
	kpi.Stratum
	fresh    [2]readings // in the stratum
	stepOnly [2]readings // of these, from requests of the present step
	total    [2]readings // in the rollout, the stratum included
	inStep   [2]readings // in the step, the stratum included
	past     *past       // before the stratum
	restarts restarts
	// stretch is the number of the stretch that served requests whose outcome says
	// Measure.Served.
	stretch func(served int) int
	value   func(string, kpiArm) *float64
}

func newGate(c Config, i int, l *kpi.Layout, taus []tauOf) (*gate, error) {
	g := &gate{config: c.Gates[i], alpha: c.alpha(i)}
	if g.config.Expr != "" {
		return g, g.compile()
	}
	require, rollback, err := c.Gates[i].conditions()
	if err != nil {
		return nil, err
	}
	g.wanted = rollback.wanted()
	if g.rollback, err = newTest(rollback, true, g.alpha, l, taus); err != nil {
		return nil, err
	}
	if require == nil {
		return g, nil
	}
	g.require, err = newTest(*require, false, float64(c.FalsePass), l, taus)
	return g, err
}

// wanted are the sources of the condition's KPI.
func (c Condition) wanted() wanted {
	names, prefixes := c.subject.sources()
	w := wanted{names: map[string]bool{}, prefixes: prefixes}
	for _, name := range names {
		w.names[name] = c.subject.family == tail || c.subject.family == whole
	}
	return w
}

// relative says whether the gate's limit to advance needs the baseline.
func (g *gate) relative() bool {
	return g.require != nil && (g.require.cond.Baseline || g.require.cond.betweenArms())
}

// requires says whether the gate has to be shown to hold before a step passes.
func (g *gate) requires() bool { return g.require != nil || g.free != nil }

func (g *gate) fresh() gateState {
	s := gateState{}
	if g.free != nil {
		return s
	}
	if g.processes() {
		for range g.rollback.components {
			s.Fail = append(s.Fail, newFailProcess(len(ratios(true, g.rollback.up(direct), direct))))
		}
	}
	g.beginStep(&s)
	return s
}

// processes says whether the gate's evidence is a process per component.
func (g *gate) processes() bool {
	f := g.rollback.cond.subject.family
	return f == events || f == tail || f == flow
}

// beginStep starts the pass processes of a step.
func (g *gate) beginStep(s *gateState) {
	s.Pass, s.PassLn, s.PassSide = nil, 0, undecided
	for i := range s.Pairs {
		s.Pairs[i].Pass = g.newPairPass(s.Pairs[i].Side)
	}
	s.Free = freeState{}
	if g.require == nil || !g.processes() {
		return
	}
	for range g.require.components {
		s.Pass = append(s.Pass, newPassProcess(g.require.passRatios(direct)))
	}
}

// add judges one closed stratum with what was known before it opened.
func (g *gate) add(state *gateState, in *closed) {
	if g.free != nil {
		g.free.add(state, in, g.config.holdFor())
		return
	}
	switch g.rollback.cond.subject.family {
	case events, tail, flow:
		g.addProcesses(state, in)
	case pairs:
		g.addPairs(state, in)
	case whole:
		g.addWhole(state, in)
	case freedom:
	}
	ln := g.failE(state)
	if !state.Failed && ln >= -math.Log(g.alpha) {
		state.Failed, state.FailedE = true, ln
	}
	if !state.Failed {
		state.Climb.follow(ln, in, g.wanted)
	}
}

func (g *gate) addProcesses(state *gateState, in *closed) {
	t := g.rollback
	g.chooseFail(state, in.past)
	for i, c := range t.components {
		state.Fail[i].restart(in.restarts, in.From)
		if count, ok := g.count(t, c, state.FailSide, in, in.fresh); ok {
			state.Fail[i].add(t.null(c, state.FailSide), count, t.past(state.FailSide, in.past), ratios(true, t.up(state.FailSide), state.FailSide))
		}
	}
	if g.require == nil {
		return
	}
	g.choosePass(state, in.past)
	t = g.require
	for i, c := range t.components {
		if count, ok := g.count(t, c, state.PassSide, in, in.stepOnly); ok {
			state.Pass[i].add(t.null(c, state.PassSide), count, t.past(state.PassSide, in.past), t.passRatios(state.PassSide))
		}
	}
}

// count is the stratum as the component's test sees it.
func (g *gate) count(t *test, c component, s side, in *closed, arms [2]readings) (tally, bool) {
	switch {
	case s == undecided:
		return tally{}, false
	case t.cond.subject.family == flow:
		return t.flow(in.Stratum), true
	}
	return t.tally(c, s, arms[kpi.Baseline], arms[kpi.Candidate], in.past)
}

// chooseFail settles once in a rollout how the events are counted.
func (g *gate) chooseFail(state *gateState, p *past) {
	if state.FailSide != undecided {
		return
	}
	if state.FailSide = g.rollback.choose(p); state.FailSide == inverse {
		for i := range state.Fail {
			fresh := newFailProcess(len(ratios(true, g.rollback.up(inverse), inverse)))
			fresh.Left, fresh.Slot = state.Fail[i].Left, state.Fail[i].Slot
			state.Fail[i] = fresh
		}
	}
}

// choosePass does so once in a step.
func (g *gate) choosePass(state *gateState, p *past) {
	if state.PassSide != undecided {
		return
	}
	if state.PassSide = g.require.choose(p); state.PassSide == inverse {
		for i := range state.Pass {
			state.Pass[i] = newPassProcess(g.require.passRatios(inverse))
		}
	}
}

// null of a component, counted on the given side.
func (t *test) null(c component, s side) null {
	n := c.null
	if s == inverse {
		n = n.opposite()
	}
	n.scaled = !t.worse
	return n
}

// failE is ln E toward rolling back: of processes the average over the
// components, for an average of e-processes of one null is one.
func (g *gate) failE(s *gateState) float64 {
	switch g.family() {
	case pairs:
		return failPairs(s.Pairs)
	case whole:
		return s.FailLn
	case freedom:
		return 0
	case events, tail, flow:
	}
	ln := math.Inf(-1)
	for i := range s.Fail {
		ln = sequential.LogAdd(ln, s.Fail[i].logE())
	}
	return ln - math.Log(float64(len(s.Fail)))
}

func (g *gate) family() family {
	if g.free != nil {
		return freedom
	}
	return g.rollback.cond.subject.family
}

// passE is ln of the weakest component at its best: the candidate is shown to be
// within the limit only when it is at every quantile, and a claim about all of
// several needs no correction when each is shown.
func (g *gate) passE(s *gateState) float64 {
	switch g.family() {
	case pairs:
		return passPairs(s.Pairs)
	case whole:
		return s.PassLn
	case events, tail, flow, freedom:
	}
	ln := math.Inf(1)
	for i := range s.Pass {
		ln = min(ln, s.Pass[i].Best)
	}
	return ln
}

// safe says whether the limit to advance was shown to hold in this step.
func (g *gate) safe(s *gateState, beta float64) bool {
	if g.free != nil {
		return s.Free.Known && s.Free.Holds
	}
	return g.require != nil && g.passE(s) >= -math.Log(beta)
}

// climb remembers where the evidence toward rolling back began to rise: the
// stretch since then is the one that convicts, and what was measured in it says
// why better than the mean of hours.
type climb struct {
	Low   float64       // the lowest ln E so far
	At    time.Duration // served time at its end
	Total [2]readings   // all that was counted until then
}

func (c *climb) follow(ln float64, in *closed, w wanted) {
	if ln > c.Low {
		return
	}
	c.Low, c.At = ln, in.To
	for arm := range c.Total {
		c.Total[arm] = w.copyInto(c.Total[arm], in.total[arm])
	}
}
