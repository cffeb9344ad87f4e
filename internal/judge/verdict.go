package judge

import (
	"fmt"
	"math"

	"github.com/headgate/headgate/internal/kpi"
)

// Judgement says where the evidence stands after the last stratum.
func (j *Judge) Judgement() Judgement {
	s := &j.state
	out := Judgement{
		Strata:         s.Strata,
		Gates:          make([]GateVerdict, 0, len(j.gates)),
		UsersExhausted: s.exhausted(j.config.MinRequests),
		Weakened:       s.Overflow > 0,
		Broken:         s.Measurement.Broken,
		Repeat:         j.repeat(),
	}
	for i, g := range j.gates {
		out.Gates = append(out.Gates, j.verdict(g, &s.Gates[i], out.UsersExhausted))
	}
	j.conclude(&out)
	return out
}

// exhausted says that fewer than one in ten requests of the step bring a user
// who was not counted before, on an arm with enough requests to tell.
func (s *state) exhausted(enough uint64) bool {
	if s.Shadow {
		return false
	}
	for _, t := range s.StepTotal {
		if all := t.Requests + t.Repeats; all >= enough && t.Requests*10 < all {
			return true
		}
	}
	return false
}

// conclude draws the verdict on the candidate from those of its gates.
func (j *Judge) conclude(out *Judgement) {
	waiting := j.traffic()
	if out.Broken != "" {
		waiting = "measurement broken: " + out.Broken
	}
	for i := range out.Gates {
		g := &out.Gates[i]
		if g.Mode != ModeEnforce {
			continue
		}
		failed := g.Verdict == Fail
		switch {
		case failed && g.OnFail == OnFailRollback && out.Failed == nil:
			found := *g
			out.Failed = &found
		case failed && g.OnFail == OnFailHold:
			out.Hold = true
			waiting = firstSaid(waiting, fmt.Sprintf("gate %s failed and holds: %s", g.Name, g.Reason))
		case j.gates[i].requires() && !j.silent(j.gates[i]) && g.Verdict != Pass:
			waiting = firstSaid(waiting, fmt.Sprintf("gate %s: %s", g.Name, g.Reason))
		}
	}
	switch {
	case out.Failed != nil:
		out.Verdict, out.Reason = Fail, fmt.Sprintf("gate %s: %s", out.Failed.Name, out.Failed.Reason)
	case waiting != "":
		out.Verdict, out.Reason = Inconclusive, waiting
		if out.UsersExhausted {
			out.Reason = "users exhausted: fewer than one in ten requests of this step bring a new user; " + waiting
		}
	default:
		out.Verdict, out.Reason = Pass, "every gate that is required is shown to hold"
	}
	if out.Weakened {
		out.Reason += " (weakened: more users than the key set holds, some count more than once)"
	}
}

// traffic says what is missing of the least traffic of a step; "" when nothing.
func (j *Judge) traffic() string {
	least := j.config.MinRequests
	if n := j.state.arrived(); n < least {
		what := "candidate requests"
		if j.state.Shadow {
			what = "mirrored requests"
		}
		return fmt.Sprintf("%d of at least %d %s counted in this step", n, least, what)
	}
	for _, g := range j.gates {
		if g.config.Mode != ModeEnforce || !g.relative() || j.alone() || j.silent(g) {
			continue
		}
		if n := j.state.StepTotal[kpi.Baseline].Requests; n < least {
			return fmt.Sprintf("%d of at least %d baseline requests counted in this step", n, least)
		}
	}
	return ""
}

func (j *Judge) verdict(g *gate, s *gateState, exhausted bool) GateVerdict {
	v := GateVerdict{Name: g.config.Name, Mode: g.config.Mode, OnFail: g.config.OnFail, Message: g.config.Message}
	v.Verdict, v.Carried = j.standing(g, s)
	if g.free != nil {
		v.Require, v.Unit = g.config.Expr, "expression"
		if v.Reason = j.elsewhere(g, v); v.Reason == "" {
			v.Reason = g.free.reason(s.Free, j.valueNow, g.config.holdFor())
		}
		return v
	}
	c := g.rollback.cond
	at := j.state.measured(c, j.config.MinRequests)
	v.RollbackWhen, v.Unit = c.Text, c.unitName()
	v.Fail = &Evidence{E: shown(g.failE(s)), Limit: 1 / g.alpha}
	if v.Baseline, v.Candidate, v.N = j.values(g, s, at); v.Candidate == nil { // too few in this step: labels come later than requests
		at = j.state.whole()
		v.Baseline, v.Candidate, v.N = j.values(g, s, at)
	}
	v.MinDetectable = j.minDetectable(g)
	if g.require != nil {
		v.Require = g.require.cond.Text
		v.Pass = &Evidence{E: shown(g.passE(s)), Limit: 1 / float64(j.config.FalsePass)}
	}
	if v.Verdict == Fail {
		v.Fail.E = max(v.Fail.E, shown(s.FailedE))
		v.Recent = j.recent(g, s)
	}
	v.Reason = j.reason(g, s, v, at, exhausted)
	return v
}

// values of both arms, and how many they rest on.
func (j *Judge) values(g *gate, s *gateState, at span) (baseline, candidate *float64, n ArmCounts) {
	c := g.rollback.cond
	return c.valueOf(j.layout, at, s.Fixed.Edges, kpi.Baseline), c.valueOf(j.layout, at, s.Fixed.Edges, kpi.Candidate),
		ArmCounts{Baseline: c.counted(at.arms[kpi.Baseline]), Candidate: c.counted(at.arms[kpi.Candidate])}
}

// recent is what was measured since the evidence began to rise.
func (j *Judge) recent(g *gate, s *gateState) *Stretch {
	now := j.state.whole()
	at := span{arms: sinceThen(now.arms, s.Climb.Total), seconds: now.seconds - s.Climb.At.Seconds()}
	out := &Stretch{FromS: s.Climb.At.Seconds(), ToS: j.state.Past.At.Seconds()}
	out.Baseline, out.Candidate, out.N = j.values(g, s, at)
	if out.N.Candidate == 0 {
		return nil
	}
	return out
}

func (c Condition) unitName() string {
	switch c.subject.unit {
	case duration:
		return "seconds"
	case number:
		return "number"
	case share:
	}
	return "share"
}

// standing is the gate's verdict without its numbers.
func (j *Judge) standing(g *gate, s *gateState) (v Verdict, carried bool) {
	switch {
	case s.Failed:
		return Fail, false
	case j.silent(g):
		return Inconclusive, false
	case g.copiesOnly() && j.carries(g) && s.Carry != "":
		return s.Carry, true
	case g.safe(s, float64(j.config.FalsePass)):
		return Pass, false
	case g.free != nil && s.Free.Fails:
		return Fail, false
	case j.carries(g) && s.Carry != "":
		return s.Carry, true
	}
	return Inconclusive, false
}

// Verdict is the verdict of Judgement without its numbers, for simulations: a
// hundred times cheaper.
func (j *Judge) Verdict() Verdict {
	all := Pass
	if j.traffic() != "" || j.state.Measurement.Broken != "" {
		all = Inconclusive
	}
	for i, g := range j.gates {
		if g.config.Mode != ModeEnforce {
			continue
		}
		v, _ := j.standing(g, &j.state.Gates[i])
		switch {
		case v == Fail && g.config.OnFail == OnFailRollback:
			return Fail
		case v == Fail && g.config.OnFail == OnFailHold, g.requires() && !j.silent(g) && v != Pass:
			all = Inconclusive
		}
	}
	return all
}

// reason puts the verdict and its numbers, those of at, into words.
func (j *Judge) reason(g *gate, s *gateState, v GateVerdict, at span, exhausted bool) string {
	c := g.rollback.cond
	numbers := c.numbers(v.Candidate, v.Baseline, v.N)
	switch {
	case v.Verdict == Fail:
		return fmt.Sprintf("%s: shown, %s, evidence %s of %s", v.RollbackWhen, convicting(c, v, at, numbers), short(v.Fail.E), short(v.Fail.Limit))
	case j.elsewhere(g, v) != "":
		return j.elsewhere(g, v)
	case v.Carried:
		return fmt.Sprintf("no baseline traffic in this step, carried from the last step that had both arms: %s", v.Verdict)
	case v.Verdict == Pass:
		return fmt.Sprintf("%s: shown, %s, evidence %s of %s", v.Require, numbers, short(v.Pass.E), short(v.Pass.Limit))
	case g.relative() && j.alone():
		return "no baseline traffic in this step, and none before to carry a verdict from"
	}
	text := numbers
	if v.MinDetectable != nil {
		text += fmt.Sprintf("; %s beyond the limit to roll back would have been seen by now", c.effect(*v.MinDetectable))
	}
	if g.require == nil {
		return "guard, not over its limit so far: " + text
	}
	text = fmt.Sprintf("not shown yet, evidence %s of %s: %s", short(v.Pass.E), short(v.Pass.Limit), text)
	if exhausted {
		return "users exhausted, " + text
	}
	return text
}

// convicting says what was measured in at, and where that differs from what
// convicted, this too.
func convicting(c Condition, v GateVerdict, at span, numbers string) string {
	r := v.Recent
	if r == nil || r.N == v.N {
		return numbers
	}
	where := "in the rollout"
	if at.step {
		where = "in the step"
	}
	return fmt.Sprintf("%s in the last %.0f s; %s %s", c.numbers(r.Candidate, r.Baseline, r.N), r.ToS-r.FromS, where, numbers)
}

// numbers are what both arms showed; copies have no baseline.
func (c Condition) numbers(candidate, baseline *float64, n ArmCounts) string {
	text := fmt.Sprintf("candidate %s (n=%d)", c.value(candidate), n.Candidate)
	if baseline == nil && n.Baseline == 0 {
		return text
	}
	return text + fmt.Sprintf(", baseline %s (n=%d)", c.value(baseline), n.Baseline)
}

// effect is a difference in the KPI's own unit.
func (c Condition) effect(v float64) string {
	if c.subject.unit != share {
		return c.value(&v)
	}
	return percentText(math.Round(v*1e4)/1e4) + " points"
}

func short(v float64) string { return fmt.Sprintf("%.3g", v) }

func firstSaid(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// sinceThen is what both arms got after before.
func sinceThen(now, before [2]readings) [2]readings {
	var out [2]readings
	for arm := range now {
		out[arm] = now[arm].since(before[arm])
	}
	return out
}
