package judge

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// maxMargins bounds the edges of one layout, 692 for each distinct margin.
const maxMargins = 32

// Validate reports everything that is wrong, each with its path, the value and
// what was wanted. That a plan needs a gate that can roll back is the plan's
// matter.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	if c.FalseRollback <= 0 || c.FalseRollback > 0.5 {
		report("false_rollback", c.FalseRollback, "a rate above 0% and up to 50%")
	}
	if c.FalsePass <= 0 || c.FalsePass > 0.5 {
		report("false_pass", c.FalsePass, "a rate above 0% and up to 50%")
	}
	if c.MinRequests == 0 {
		report("min_requests", c.MinRequests, "a number of requests per step, 1 or more")
	}
	names := map[string]int{}
	for i, g := range c.Gates {
		at := fmt.Sprintf("gates[%d]", i)
		if first, taken := names[g.Name]; taken && g.Name != "" {
			report(at+".name", g.Name, fmt.Sprintf("a name of its own: gates[%d] has this one", first))
		} else {
			names[g.Name] = i
		}
		g.validate(at, report)
	}
	if n := c.margins(); n > maxMargins {
		report("gates", n, fmt.Sprintf("at most %d different latency margins against the baseline", maxMargins))
	}
}

func (g GateConfig) validate(at string, report func(path string, value any, wanted string)) {
	if strings.TrimSpace(g.Name) == "" {
		report(at+".name", g.Name, "a name")
	}
	if g.Mode != ModeEnforce && g.Mode != ModeObserve {
		report(at+".mode", g.Mode, "enforce or observe")
	}
	if g.OnFail != OnFailRollback && g.OnFail != OnFailHold && g.OnFail != OnFailNotify {
		report(at+".on_fail", g.OnFail, "rollback, hold or notify")
	}
	if !(g.Share > 0) || math.IsInf(g.Share, 0) {
		report(at+".share", g.Share, "a number above 0: the gate's part of false_rollback beside the other gates")
	}
	if g.For < 0 || g.For > 0 && g.Expr == "" {
		report(at+".for", g.For, "a duration above 0s, beside expr")
	}
	if g.Expr != "" {
		g.validateExpr(at, report)
		return
	}
	if g.Require == "" && g.RollbackWhen == "" {
		report(at, g.Name, "require, rollback_when or both, such as `require: \"error_rate <= baseline + 0.2%\"`")
		return
	}
	require, requireOK := checked(at+".require", g.Require, true, report)
	rollback, rollbackOK := checked(at+".rollback_when", g.RollbackWhen, false, report)
	if requireOK && rollbackOK {
		agree(at, require, rollback, report)
	}
}

func (g GateConfig) validateExpr(at string, report func(path string, value any, wanted string)) {
	if g.Require != "" || g.RollbackWhen != "" {
		report(at+".expr", g.Expr, "an expression alone, or require and rollback_when")
		return
	}
	f, err := parseFree(g.Expr)
	if err != nil {
		report(at+".expr", g.Expr, err.Error())
		return
	}
	if both := (&gate{free: f}); both.copiesOnly() && !both.onCopies() {
		report(at+".expr", g.Expr, "two gates: no step measures mirrored copies (agreement, shadow.*) and the candidate's own users together")
	}
}

// checked parses one condition of a gate and reports what is wrong with it;
// false when there is nothing to go on with.
func checked(at, text string, advance bool, report func(path string, value any, wanted string)) (Condition, bool) {
	if text == "" {
		return Condition{}, false
	}
	c, err := ParseCondition(text)
	if !advance && c.subject.either {
		c.subject.more = !c.subject.more
	}
	if err != nil {
		var syntax *SyntaxError
		if errors.As(err, &syntax) {
			report(at, text, fmt.Sprintf("%s (at column %d, instead of %s)", syntax.Wanted, syntax.Column, syntax.Got))
		}
		return c, false
	}
	wanted := c.refused(advance)
	if wanted != "" {
		report(at, text, wanted)
	}
	return c, wanted == ""
}

// refused says what was wanted instead of a condition that parses but cannot
// serve as the limit to advance, or to roll back.
func (c Condition) refused(advance bool) string {
	flipped := c.negated().Text
	switch {
	case !c.Baseline && c.Offset <= 0 && !c.subject.either:
		return "a limit above 0"
	case !c.Baseline && c.Offset >= 1 && c.subject.unit == share:
		return "a limit below 100%"
	case !c.Baseline && c.Offset >= 1 && c.atMostOne():
		return "a limit below 1"
	case advance && !c.good():
		return fmt.Sprintf("a limit in the good direction, such as %q: %s %s is better", flipped, c.better(), c.KPI)
	case !advance && c.good():
		return fmt.Sprintf("a limit in the bad direction, such as %q: %s %s is better", flipped, c.better(), c.KPI)
	case advance && c.marginless():
		return fmt.Sprintf("a margin, such as %q, or a guard, `rollback_when: %q`: that a candidate is no worse at all can never be shown", c.Text+c.sampleMargin(), flipped)
	case c.subject.unit == share && c.Offset <= -1:
		return "a margin below 100%"
	}
	return ""
}

func (c Condition) better() string {
	if c.more() {
		return "more"
	}
	return "less"
}

// atMostOne says that the KPI's values lie between 0 and 1.
func (c Condition) atMostOne() bool {
	return c.KPI == "auc" || c.KPI == "f1" || c.KPI == "calibration_error" || c.subject.family == pairs || c.betweenArms() && !c.grouped()
}

func (c Condition) sampleMargin() string {
	switch {
	case c.subject.family == tail && c.more():
		return " * 0.8"
	case c.subject.unit == duration:
		return " * 1.2"
	case c.more() && c.subject.unit == share:
		return " - 1%"
	case c.more():
		return " - 0.02"
	case c.subject.unit == number:
		return " * 1.1"
	}
	return " + 0.2%"
}

// agree reports two limits of one gate that contradict each other.
func agree(at string, require, rollback Condition, report func(path string, value any, wanted string)) {
	if require.KPI != rollback.KPI {
		report(at+".rollback_when", rollback.Text, fmt.Sprintf("a limit on %s, the KPI of require; another KPI is another gate", require.KPI))
		return
	}
	if require.Baseline != rollback.Baseline {
		return // cannot be compared before the baseline is measured
	}
	factor, offset := rollback.Factor-require.Factor, rollback.Offset-require.Offset
	if require.more() { // the limit to roll back lies below
		factor, offset = -factor, -offset
	}
	if factor <= 0 && offset < 0 || factor < 0 && offset <= 0 {
		report(at+".rollback_when", rollback.Text, fmt.Sprintf("a limit no stricter than require %q: a candidate between the two would be taken back although it may advance", require.Text))
	}
}

// margins counts the distinct latency margins against the baseline.
func (c Config) margins() int {
	type margin struct{ factor, offset float64 }
	seen := map[margin]bool{}
	for _, g := range c.Gates {
		require, rollback, err := g.conditions()
		if err != nil {
			continue
		}
		both := []Condition{rollback}
		if require != nil {
			both = append(both, *require)
		}
		for _, one := range both {
			if one.subject.unit == duration && one.Baseline && !one.marginless() {
				seen[margin{one.Factor, one.Offset}] = true
			}
		}
	}
	return len(seen)
}
