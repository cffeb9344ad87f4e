package configs

import (
	"fmt"
	"math"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// plan says how long each require takes in each step at the given rate, and
// warns of holds that are over before that.
func (m *ModelDescription) plan(c rollout.Config, o DescribeOptions) {
	for i, g := range c.Gates {
		condition, err := judge.ParseCondition(g.Require)
		if err != nil {
			continue // a guard needs no time: it never holds up
		}
		for at, step := range c.Plan {
			if step.Canary == nil || (condition.Baseline && !bothArms(step)) {
				continue
			}
			weight := step.Canary.Weight.Ratio()
			seconds, known := c.TimeToShow(g.Name, o.Rate, weight, o.Base[condition.KPI])
			if !known && condition.Baseline && condition.KPI != "error_rate" {
				break // depends on the shape of the latencies: nothing to say
			}
			need := Need{Step: at, HoldS: step.Canary.Hold.Seconds()}
			warm := 0.0
			if at == 0 && c.WarmUp != nil {
				warm = c.WarmUp.Seconds()
			}
			if known {
				seconds = max(seconds, minimum(c, o.Rate, weight, condition.Baseline)) + warm
				need.Seconds = &seconds
			}
			m.Gates[i].Needs = append(m.Gates[i].Needs, need)
			m.Warnings = append(m.Warnings, tooShort(g.Name, need, o, seconds-warm)...)
		}
	}
}

// minimum is how long the least number of requests takes, in seconds.
func minimum(c rollout.Config, rate, weight float64, bothArms bool) float64 {
	slowest := weight
	if bothArms {
		slowest = min(weight, 1-weight)
	}
	return float64(c.MinRequests) / (rate * slowest)
}

func tooShort(gate string, n Need, o DescribeOptions, evidence float64) []string {
	where := fmt.Sprintf("gate %s, step %d", gate, n.Step+1)
	if n.Seconds == nil {
		return []string{where + ": an equal candidate does not pass with this traffic: the margin is too small for the values given with --base"}
	}
	var out []string
	if *n.Seconds > n.HoldS {
		out = append(out, fmt.Sprintf("%s: takes about %s at %g requests/s, its hold is %s: the step will last longer than its hold, inconclusive meanwhile",
			where, about(*n.Seconds), o.Rate, about(n.HoldS)))
	}
	if users := float64(o.Users); users > 0 && evidence*o.Rate > users {
		out = append(out, fmt.Sprintf("%s: needs about %.0f users, there are %d: each counts once in a rollout, so the step ends up as users exhausted",
			where, math.Ceil(evidence*o.Rate), o.Users))
	}
	return out
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
