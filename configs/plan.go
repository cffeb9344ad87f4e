package configs

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// bases are the values that a plan is worked out for when --base does not say
// what is usual.
var bases = map[string][]float64{
	"error_rate": {0, .001, .005, .01, .05}, "invalid_input_rate": {0, .001, .01, .05},
	"ctr": {.01, .05, .1, .3}, "conversion": {.005, .02, .05}, "auc": {.7, .8, .9}, "f1": {.6, .8},
}

// plan says what each gate can show in each step at the given rate, and warns of
// holds that are over before that.
func (m *ModelDescription) plan(c rollout.Config, o DescribeOptions) {
	onCopies, copiesOnly := c.OnCopies(), c.CopiesOnly()
	for i, g := range c.Gates {
		condition, err := judge.ParseCondition(planned(g))
		if err != nil {
			continue // an expression
		}
		for at, step := range c.Plan {
			var need Need
			out := judge.Outlook{Base: o.Base}
			switch {
			case step.Shadow != nil && onCopies[i]:
				// Every request that is copied is one of the baseline's and one of the candidate's.
				need.HoldS, out.Rate, out.Weight = window(*step.Shadow).Seconds(), 2*o.Rate*step.Shadow.Share.Ratio(), .5
			case step.Canary != nil && !copiesOnly[i] && (!condition.Baseline || bothArms(c, step)):
				need.HoldS, out.Rate, out.Weight = step.Canary.Hold.Seconds(), o.Rate, c.WeightOf(step).Ratio()
			default:
				continue
			}
			need.Step = at
			hold := need.HoldS - m.delay(c, at, condition)
			plan := c.Config.Plan(i, out, max(0, hold))
			if plan.Why != "" {
				m.Gates[i].Unplanned = plan.Why
				break
			}
			need.take(c, plan, out, condition, m.delay(c, at, condition), g.Require != "")
			if plan.Assumed && g.Require != "" { // a guard is never shown
				need.Bases = table(c, i, out, condition, m.delay(c, at, condition), max(0, hold))
			}
			m.Gates[i].Needs = append(m.Gates[i].Needs, need)
			if g.Require != "" {
				m.Warnings = append(m.Warnings, tooShort(g.Name, condition, need, o)...)
			}
		}
	}
}

// window is the time in which a shadow step has to show its gates: all of its
// hold, or each part of it.
func window(s rollout.ShadowStep) time.Duration {
	if s.Every > 0 {
		return s.Every
	}
	return s.Hold
}

// planned is the condition that a gate is planned by: to advance, else to roll
// back.
func planned(g judge.GateConfig) string {
	if g.Require != "" {
		return g.Require
	}
	return g.RollbackWhen
}

// delay is what comes before the evidence in a step, in seconds: the warm-up of
// the first one, the window of outcomes.
func (m *ModelDescription) delay(c rollout.Config, step int, condition judge.Condition) float64 {
	out := 0.0
	if step == 0 && c.WarmUp != nil {
		out += c.WarmUp.Seconds()
	}
	return out + c.OutcomeWait(condition).Seconds()
}

func (n *Need) take(c rollout.Config, p judge.Planned, o judge.Outlook, condition judge.Condition, delay float64, required bool) {
	n.Margin, n.Seen, n.Base, n.Assumed, n.Never = p.Margin, p.Seen, p.Base, p.Assumed, required && p.Show == nil
	if p.Show != nil {
		n.evidence = max(*p.Show, minimum(c, o.Rate, o.Weight, condition.Baseline))
		seconds := n.evidence + delay
		n.Seconds = &seconds
	}
	n.text = describeNeed(*n, condition)
}

// table works the plan out for several usual values.
func table(c rollout.Config, gate int, o judge.Outlook, condition judge.Condition, delay, hold float64) []BaseNeed {
	var out []BaseNeed
	for _, base := range bases[condition.KPI] {
		o.Base = map[string]float64{condition.KPI: base}
		p := c.Config.Plan(gate, o, hold)
		row := BaseNeed{Base: base, Seen: p.Seen, Margin: p.Margin}
		if p.Show != nil {
			seconds := max(*p.Show, minimum(c, o.Rate, o.Weight, condition.Baseline)) + delay
			row.Seconds = &seconds
		}
		out = append(out, row)
	}
	return out
}

// minimum is how long the least number of requests takes, in seconds.
func minimum(c rollout.Config, rate, weight float64, bothArms bool) float64 {
	slowest := weight
	if bothArms {
		slowest = min(weight, 1-weight)
	}
	return float64(c.MinRequests) / (rate * slowest)
}

func tooShort(gate string, condition judge.Condition, n Need, o DescribeOptions) []string {
	where := fmt.Sprintf("gate %s, step %d", gate, n.Step+1)
	if n.Never {
		return []string{where + ": an equal candidate does not pass with this traffic: the margin is too small for the values given with --base"}
	}
	var out []string
	if *n.Seconds > n.HoldS {
		text := fmt.Sprintf("%s: takes about %s at %g requests/s, its hold is %s: the step will last longer than its hold, inconclusive meanwhile",
			where, about(*n.Seconds), o.Rate, about(n.HoldS))
		if n.Margin != nil {
			text += fmt.Sprintf("; a margin of %s could be shown in the hold", condition.EffectText(*n.Margin))
		}
		out = append(out, text)
	}
	if users := float64(o.Users); users > 0 && n.evidence*o.Rate > users {
		out = append(out, fmt.Sprintf("%s: needs about %.0f users, there are %d: each counts once in a rollout, so the step ends up as users exhausted",
			where, math.Ceil(n.evidence*o.Rate), o.Users))
	}
	return out
}

// describeNeed puts what a step can show into words.
func describeNeed(n Need, c judge.Condition) string {
	var parts []string
	switch {
	case n.Never:
		parts = append(parts, "an equal candidate never passes, hold "+about(n.HoldS))
	case n.Seconds != nil:
		parts = append(parts, fmt.Sprintf("about %s to show it for an equal candidate, hold %s", about(*n.Seconds), about(n.HoldS)))
	default:
		parts = append(parts, "hold "+about(n.HoldS))
	}
	if n.Margin != nil && n.Seconds != nil && *n.Seconds > n.HoldS {
		parts = append(parts, fmt.Sprintf("in the hold a margin of %s could be shown", c.EffectText(*n.Margin)))
	}
	if n.Seen != nil {
		parts = append(parts, c.SeenText(*n.Seen)+" is taken back within it")
	} else {
		parts = append(parts, "nothing is seen to fail within it")
	}
	return strings.Join(parts, "; ")
}

// about is a time that a person can compare: two digits are enough.
func about(seconds float64) string {
	d := time.Duration(math.Ceil(seconds)) * time.Second
	switch {
	case seconds < 120:
		return short(d)
	case seconds < 2*3600:
		return short(d.Round(time.Minute))
	case seconds < 48*3600:
		return short(d.Round(time.Hour))
	}
	return fmt.Sprintf("%.0f days", math.Ceil(seconds/86400))
}
