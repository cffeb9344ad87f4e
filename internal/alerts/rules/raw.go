package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/judge"
)

// failures are the results that the judge counts as errors: 5xx answers and
// attempts without one. headgate_requests_total would hide those that the
// baseline rescued.
const failures = "status|unreachable|full|broken|timeout"

// allQuantiles is the KPI that compares all quantiles; Prometheus looks at the
// one that stands for it.
const (
	errorRate    = "error_rate"
	latency      = "latency"
	standsForAll = "latency_p95"
)

// raw is a gate's limit as a question to Prometheus.
type raw struct {
	alert, expr, shown, format string
}

// rawExpr is zero for a gate on a KPI that no metric shows.
func rawExpr(m Model, g judge.GateConfig, o Options) (raw, []string) {
	c, ok := limit(g)
	if !ok {
		return raw{}, nil
	}
	switch {
	case c.KPI == errorRate:
		return errorsExpr(m, c, o), nil
	case c.KPI == latency || strings.HasPrefix(c.KPI, "latency_p"):
		return latencyExpr(m, g, c, o)
	}
	return raw{}, []string{fmt.Sprintf("gate %s: no rule looks at %s itself: there are rules on the judge's verdict and evidence only", g.Name, c.KPI)}
}

// limit is the condition that takes back: rollback_when, else the negation of
// require.
func limit(g judge.GateConfig) (judge.Condition, bool) {
	text := g.RollbackWhen
	if text == "" {
		text = g.Require
	}
	c, err := judge.ParseCondition(text)
	if err != nil {
		return judge.Condition{}, false
	}
	if g.RollbackWhen == "" {
		c.Op = map[string]string{"<=": ">", "<": ">=", ">=": "<", ">": "<="}[c.Op]
	}
	return c, true
}

func errorsExpr(m Model, c judge.Condition, o Options) raw {
	rate := func(arm string) string {
		return fmt.Sprintf("(sum(rate(headgate_attempts_total{%s,result=~%q}[%s])) / sum(rate(headgate_attempts_total{%s,result!=\"gone\"}[%s])))",
			of(m, arm), failures, duration(o.Window), of(m, arm), duration(o.Window))
	}
	return raw{
		alert: "HeadgateErrorRate", shown: "Its error rate", format: "humanizePercentage",
		expr: rate("candidate") + " " + c.Op + " " + bound(c, rate("baseline")) + enough(m, o),
	}
}

func latencyExpr(m Model, g judge.GateConfig, c judge.Condition, o Options) (raw, []string) {
	var notes []string
	kpi := c.KPI
	if kpi == latency {
		kpi = standsForAll
		notes = append(notes, fmt.Sprintf("gate %s: the rule looks at p95 alone, the gate at all quantiles", g.Name))
	}
	percent, err := strconv.Atoi(strings.TrimPrefix(kpi, "latency_p"))
	if err != nil {
		return raw{}, nil
	}
	quantile := func(arm string) string {
		return fmt.Sprintf("histogram_quantile(%s, sum by (le) (rate(headgate_request_duration_seconds_bucket{%s}[%s])))",
			number(float64(percent)/100), of(m, arm), duration(o.Window))
	}
	if note := edges(g, c, o); note != "" {
		notes = append(notes, note)
	}
	return raw{
		alert: "HeadgateLatency", shown: fmt.Sprintf("Its p%d latency", percent), format: "humanizeDuration",
		expr: quantile("candidate") + " " + c.Op + " " + bound(c, quantile("baseline")) + enough(m, o),
	}, notes
}

// edges says how well the histogram's buckets hold the limit. Between two edges
// Prometheus interpolates; at an edge it is exact.
func edges(g judge.GateConfig, c judge.Condition, o Options) string {
	last := len(o.Buckets) - 1
	switch {
	case last < 0:
		return ""
	case c.Baseline:
		return fmt.Sprintf("gate %s: Prometheus compares interpolated quantiles: the rule is approximate, the gate is not", g.Name)
	case c.Offset >= o.Buckets[last]:
		return fmt.Sprintf("gate %s: the histogram ends at %s: no rule can see a limit of %s, only the gate does", g.Name, short(o.Buckets[last]), short(c.Offset))
	}
	i, exact := slices.BinarySearch(o.Buckets, c.Offset)
	if exact {
		return ""
	}
	lower := 0.0
	if i > 0 {
		lower = o.Buckets[i-1]
	}
	return fmt.Sprintf("gate %s: %s lies between the buckets %s and %s, where Prometheus interpolates: the rule is approximate, the gate is exact",
		g.Name, short(c.Offset), short(lower), short(o.Buckets[i]))
}

// enough keeps a rule quiet while the window holds too little, traffic from
// before this rollout, or none of users: at weight 0, as in a shadow step and
// while an approval is waited for, what reaches the candidate comes from testers.
func enough(m Model, o Options) string {
	return fmt.Sprintf("\nand sum(increase(headgate_attempts_total{%s,result!=\"gone\"}[%s])) >= %d"+
		"\nand on () (time() - headgate_rollout_started_timestamp_seconds{model=%s} > %s)"+
		"\nand on () (min_over_time(headgate_candidate_weight_ratio{model=%s}[%s]) > 0)",
		of(m, "candidate"), duration(o.Window), max(m.MinRequests, 1),
		quote(m.Name), number(o.Window.Seconds()), quote(m.Name), duration(o.Window))
}

func bound(c judge.Condition, baseline string) string {
	if !c.Baseline {
		return number(c.Offset)
	}
	out := baseline
	if c.Factor != 1 {
		out = number(c.Factor) + " * " + out
	}
	switch {
	case c.Offset > 0:
		out += " + " + number(c.Offset)
	case c.Offset < 0:
		out += " - " + number(-c.Offset)
	}
	return "(" + out + ")"
}

func of(m Model, arm string) string {
	return fmt.Sprintf("route=%s,arm=%s", quote(m.Route), quote(arm))
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func short(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Microsecond).String()
}
