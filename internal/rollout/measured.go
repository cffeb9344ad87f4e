package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
)

// validateMeasured refuses gates on what nothing in the policy measures: found
// out when it is loaded, not by a gate that never speaks. Values by name can be
// pushed by anyone, and need nothing here.
func (c Config) validateMeasured(report func(path string, value any, wanted string)) {
	for _, n := range c.Needs() {
		if wanted := c.lacks(n); wanted != "" {
			report(fmt.Sprintf("gates[%d].%s", n.Gate, n.Field), n.Text, wanted)
		}
	}
}

// lacks says what has to be written for a KPI to be measured; "" when nothing.
func (c Config) lacks(n judge.Need) string {
	switch {
	case n.Shadow && !slices.ContainsFunc(c.Plan, func(s Step) bool { return s.Shadow != nil }):
		return fmt.Sprintf("a shadow step in the plan, such as `- shadow: {hold: 1h}`: %s is measured on mirrored copies", n.KPI)
	case n.Outcome != "" && !c.joins(n.Outcome):
		return fmt.Sprintf("outcomes.windows with %s: %s comes from outcomes", n.Outcome, n.KPI)
	case n.Input != "" && !slices.ContainsFunc(c.Measured.Inputs, func(in kpi.Input) bool { return in.Name == n.Input }):
		return fmt.Sprintf("an input named %s in inputs", n.Input)
	}
	return ""
}

func (c Config) joins(kind string) bool {
	return c.Measured.Outcomes != nil && c.Measured.Outcomes.Windows[kind] > 0
}

// OutcomeWait is how long after its answer a request counts for the condition:
// an impression does when the time for its click is over.
func (c Config) OutcomeWait(condition judge.Condition) time.Duration {
	kind := condition.Delayed()
	if kind != kpi.Click && kind != kpi.Conversion || c.Measured.Outcomes == nil {
		return 0
	}
	return c.Measured.Outcomes.Windows[kind]
}
