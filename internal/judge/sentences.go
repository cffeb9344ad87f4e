package judge

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Sentences puts every gate into words, in the order of the policy.
func (c Config) Sentences() []string {
	var out []string
	for i, g := range c.Gates {
		require, rollback, err := g.conditions()
		if err != nil {
			continue // Validate reports it
		}
		out = append(out, c.sentence(i, g, require, rollback))
	}
	return out
}

func (c Config) sentence(i int, g GateConfig, require *Condition, rollback Condition) string {
	var s strings.Builder
	chance := percentText(roundTo(c.alpha(i), 4)) + "%"
	promise := "wrong at most " + chance + " of the time over the whole rollout"
	fmt.Fprintf(&s, "%s: ", g.Name)
	if g.Mode == ModeObserve {
		s.WriteString("observed only, nothing follows: ")
	}
	if g.Expr != "" {
		fmt.Fprintf(&s, "the candidate may advance once %q has been true of what the step measured for %s; %s when it has been false for as long (no promise covers it: values are taken as they are)", g.Expr, g.holdFor(), action(g.OnFail))
		return s.String()
	}
	if require != nil {
		fmt.Fprintf(&s, "the candidate may advance once it is shown that %s (in each step, wrong at most %s of the time); ", require.words(), c.FalsePass)
	}
	fmt.Fprintf(&s, "%s as soon as it is shown that %s (%s)", action(g.OnFail), rollback.words(), promise)
	if require == nil {
		s.WriteString("; a guard, it never holds up an advance")
	}
	if c := first(require, rollback); c.Baseline && c.Offset != 0 && c.subject.unit == share {
		fmt.Fprintf(&s, "; %s%% are points, %s%% of the baseline's own value would be written %q", percentText(math.Abs(c.Offset)), percentText(math.Abs(c.Offset)), c.relativeForm())
	}
	return s.String()
}

// first is the limit that is written: the one to advance, or that of a guard.
func first(require *Condition, rollback Condition) Condition {
	if require != nil {
		return *require
	}
	return rollback
}

func action(onFail string) string {
	switch onFail {
	case OnFailHold:
		return "the step is held"
	case OnFailNotify:
		return "a message is sent"
	}
	return "the candidate is taken back"
}

// words says a condition as the end of a sentence.
func (c Condition) words() string {
	relation := map[string]string{"<=": "at most", "<": "below", ">": "above", ">=": "at least"}[c.Op]
	return fmt.Sprintf("its %s %s %s %s", c.subject.words, c.verb(), relation, c.boundWords())
}

func (c Condition) verb() string {
	if c.KPI == latencyAll {
		return "are"
	}
	return "is"
}

func (c Condition) boundWords() string {
	owner := "the baseline's"
	switch {
	case !c.Baseline:
		return c.value(&c.Offset)
	case c.Factor != 1:
		return fmt.Sprintf("%s times %s", strconv.FormatFloat(c.Factor, 'g', -1, 64), owner)
	case c.Offset == 0:
		return owner
	}
	sign, size := "plus", c.Offset
	if size < 0 {
		sign, size = "minus", -size
	}
	switch c.subject.unit {
	case duration:
		return fmt.Sprintf("%s %s %s", owner, sign, seconds(size))
	case number:
		return fmt.Sprintf("%s %s %s", owner, sign, c.value(&size))
	case share:
	}
	points := "percentage points"
	if size == 0.01 {
		points = "percentage point"
	}
	return fmt.Sprintf("%s %s %s %s", owner, sign, percentText(size), points)
}

// relativeForm is what the margin in points would be if it were meant as a
// share of the baseline's own value.
func (c Condition) relativeForm() string {
	return "baseline * " + strconv.FormatFloat(roundTo(1+c.Offset, 6), 'g', -1, 64)
}

// Warnings lists what is allowed and probably not meant, or promised less than
// it seems.
func (c Config) Warnings() []string {
	var out []string
	for _, g := range c.Gates {
		require, rollback, err := g.conditions()
		if err != nil {
			continue
		}
		out = append(out, g.warnings(require, rollback)...)
	}
	return out
}

func (g GateConfig) warnings(require *Condition, rollback Condition) []string {
	var out []string
	warn := func(format string, args ...any) {
		out = append(out, "gate "+g.Name+": "+fmt.Sprintf(format, args...))
	}
	if why := rollback.approximate(); why != "" {
		warn("%s: its promise on false rollbacks is approximate", why)
	}
	if g.Expr != "" && g.OnFail == OnFailRollback {
		warn("an expression that rolls back is outside of the promise on false rollbacks")
	}
	if rollback.Baseline && !rollback.more() && (rollback.Factor < 1 || rollback.Offset < 0) {
		warn("rolls back a candidate that is no better than the baseline (%s): write rollback_when if that is not meant", rollback.Text)
	}
	if require != nil && require.KPI == errorRate && require.Baseline && require.Offset == 0 {
		warn("%q cannot be shown while the baseline does not fail: a margin in points, such as baseline + 0.2%%, can", require.Text)
	}
	if g.Mode == ModeEnforce && g.OnFail == OnFailNotify && g.RollbackWhen != "" && g.Require == "" {
		warn("only tells when it fails: the candidate stays")
	}
	return out
}

// approximate says why the promise of a gate on the condition is not exact; ""
// when it is.
func (c Condition) approximate() string {
	switch c.subject.family {
	case tail:
		if c.Baseline {
			return fmt.Sprintf("holds a %s against the baseline's measured quantile", c.tailWord())
		}
	case whole:
		if !strings.HasPrefix(c.KPI, "ks") {
			return "rests on a standard error"
		}
	case flow:
		return "takes answers for independent of each other"
	case events, pairs, freedom:
	}
	return ""
}

func (c Condition) tailWord() string {
	if c.subject.source == requests {
		return "latency"
	}
	return "quantile"
}

// WarningsAt lists the gates whose margin is as large as the baseline's own
// error rate, 0 to 1, or larger: such a candidate may fail twice as often.
func (c Config) WarningsAt(baseRate float64) []string {
	var out []string
	for _, g := range c.Gates {
		require, rollback, err := g.conditions()
		if err != nil {
			continue
		}
		widest := rollback
		if require != nil {
			widest = *require
		}
		if widest.KPI == errorRate && widest.Baseline && baseRate > 0 && widest.Offset >= baseRate {
			out = append(out, fmt.Sprintf("gate %s: the margin in %q is as large as the baseline's error rate of %s%%: a candidate that fails twice as often is within it",
				g.Name, widest.Text, percentText(roundTo(baseRate, 5))))
		}
	}
	return out
}

func roundTo(v float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	if err != nil {
		return v
	}
	return r
}
