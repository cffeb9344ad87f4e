package judge

import (
	"fmt"
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
	if require != nil {
		fmt.Fprintf(&s, "the candidate may advance once it is shown that %s (in each step, wrong at most %s of the time); ", require.words(), c.FalsePass)
	}
	fmt.Fprintf(&s, "%s as soon as it is shown that %s (%s)", action(g.OnFail), rollback.words(), promise)
	if require == nil {
		s.WriteString("; a guard, it never holds up an advance")
	}
	return s.String()
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
	return fmt.Sprintf("its %s %s %s %s", c.subject(), c.verb(), relation, c.boundWords())
}

func (c Condition) subject() string {
	switch c.KPI {
	case errorRate:
		return "error rate"
	case latencyAll:
		return "latencies (p50, p75, p90, p95 and p99 together)"
	}
	return strings.TrimPrefix(c.KPI, "latency_") + " latency"
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
	case !c.Baseline && c.latency():
		return seconds(c.Offset).String()
	case !c.Baseline:
		return percentText(c.Offset) + "%"
	case c.Factor != 1:
		return fmt.Sprintf("%s times %s", strconv.FormatFloat(c.Factor, 'g', -1, 64), owner)
	case c.Offset == 0:
		return owner
	}
	sign, size := "plus", c.Offset
	if size < 0 {
		sign, size = "minus", -size
	}
	if c.latency() {
		return fmt.Sprintf("%s %s %s", owner, sign, seconds(size))
	}
	return fmt.Sprintf("%s %s %s percentage points", owner, sign, percentText(size))
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
	if rollback.Baseline && rollback.latency() {
		warn("holds a latency against the baseline's measured quantile: its promise on false rollbacks is approximate")
	}
	if rollback.Baseline && (rollback.Factor < 1 || rollback.Offset < 0) {
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
