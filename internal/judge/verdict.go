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
		Weakened:       s.Total[kpi.Baseline].Overflow+s.Total[kpi.Candidate].Overflow > 0,
	}
	arms := [2]kpi.Counts{s.Total[kpi.Baseline].counts(), s.Total[kpi.Candidate].counts()}
	measured := s.measured(arms, j.config.MinRequests)
	for i, g := range j.gates {
		out.Gates = append(out.Gates, j.verdict(g, &s.Gates[i], arms, measured, out.UsersExhausted))
	}
	j.conclude(&out)
	return out
}

// exhausted says that fewer than one in ten requests of the step bring a user
// who was not counted before, on an arm with enough requests to tell.
func (s *state) exhausted(enough uint64) bool {
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
			waiting = first(waiting, fmt.Sprintf("gate %s failed and holds: %s", g.Name, g.Reason))
		case g.Require != "" && g.Verdict != Pass:
			waiting = first(waiting, fmt.Sprintf("gate %s: %s", g.Name, g.Reason))
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
	if n := j.state.StepTotal[kpi.Candidate].Requests; n < least {
		return fmt.Sprintf("%d of at least %d candidate requests counted in this step", n, least)
	}
	for _, g := range j.gates {
		if g.config.Mode != ModeEnforce || !g.relative() || j.alone() {
			continue
		}
		if n := j.state.StepTotal[kpi.Baseline].Requests; n < least {
			return fmt.Sprintf("%d of at least %d baseline requests counted in this step", n, least)
		}
	}
	return ""
}

func (j *Judge) verdict(g *gate, s *gateState, arms, measured [2]kpi.Counts, exhausted bool) GateVerdict {
	v := GateVerdict{
		Name: g.config.Name, RollbackWhen: g.rollback.cond.Text,
		Mode: g.config.Mode, OnFail: g.config.OnFail, Message: g.config.Message,
		Fail:      &Evidence{E: shown(s.failE()), Limit: 1 / g.alpha},
		Baseline:  g.measured(j.layout, measured[kpi.Baseline]),
		Candidate: g.measured(j.layout, measured[kpi.Candidate]),
		N:         ArmCounts{Baseline: measured[kpi.Baseline].Requests, Candidate: measured[kpi.Candidate].Requests},
	}
	v.MinDetectable = j.minDetectable(g, arms)
	if g.require != nil {
		v.Require = g.require.cond.Text
		v.Pass = &Evidence{E: shown(s.passE()), Limit: 1 / float64(j.config.FalsePass)}
	}
	v.Verdict, v.Carried = j.standing(g, s)
	if v.Verdict == Fail {
		v.Fail.E = max(v.Fail.E, shown(s.FailedE))
	}
	v.Reason = j.reason(g, s, v, exhausted)
	return v
}

// standing is the gate's verdict without its numbers.
func (j *Judge) standing(g *gate, s *gateState) (v Verdict, carried bool) {
	switch {
	case s.Failed:
		return Fail, false
	case g.safe(s, float64(j.config.FalsePass)):
		return Pass, false
	case g.relative() && j.alone() && s.Carry != "":
		return s.Carry, true
	}
	return Inconclusive, false
}

// Verdict is the verdict of Judgement without its numbers, for simulations: a
// hundred times cheaper.
func (j *Judge) Verdict() Verdict {
	all := Pass
	if j.traffic() != "" {
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
		case v == Fail && g.config.OnFail == OnFailHold, g.require != nil && v != Pass:
			all = Inconclusive
		}
	}
	return all
}

// reason puts the verdict and its numbers into words.
func (j *Judge) reason(g *gate, s *gateState, v GateVerdict, exhausted bool) string {
	c := g.rollback.cond
	numbers := fmt.Sprintf("candidate %s (n=%d), baseline %s (n=%d)", c.value(v.Candidate), v.N.Candidate, c.value(v.Baseline), v.N.Baseline)
	switch {
	case v.Verdict == Fail:
		return fmt.Sprintf("%s: shown, %s, evidence %s of %s", v.RollbackWhen, numbers, short(v.Fail.E), short(v.Fail.Limit))
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

// effect is a difference in the KPI's own unit.
func (c Condition) effect(v float64) string {
	if c.latency() {
		return c.value(&v)
	}
	return percentText(math.Round(v*1e4)/1e4) + " points"
}

func short(v float64) string { return fmt.Sprintf("%.3g", v) }

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
