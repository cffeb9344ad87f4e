package judge

import (
	"cmp"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/kpi"
)

// unit of a KPI's values.
type unit uint8

const (
	share    unit = iota // 0 to 1, written in percent
	duration             // seconds, written with a unit
	number               // plain
)

// family says by which kind of test a KPI is judged.
type family uint8

const (
	events  family = iota // the share of something among requests: Poisson linear null
	tail                  // a quantile of a histogram: shares beyond a threshold
	flow                  // something per second: one arm against a known rate
	pairs                 // between the groups of the candidate's users
	whole                 // all that was counted so far: a confidence sequence
	freedom               // an expression: no test at all
)

// requests is the source of what every request brings: N requests, K failures,
// Bins latencies. All other sources are measures.
const requests = ""

// subject is a KPI that gates can read.
type subject struct {
	name     string
	words    string
	unit     unit
	family   family
	more     bool // more is better
	either   bool // the gate says which is better
	relative bool // can be held against the baseline
	absolute bool // can be held against a number
	source   string
	prefix   bool   // source is the beginning of the sources' names
	second   string // source
	quantile []float64
}

const (
	errorRate  = "error_rate"
	latencyAll = "latency" // p50, p75, p90, p95 and p99 together
)

// subjects in the order in which errors name them.
var subjects = slices.Concat(
	[]subject{{name: errorRate, words: "error rate", family: events, relative: true, absolute: true, source: requests}},
	quantiles("latency", "latency", duration, requests, .50, .75, .90, .95, .99),
	[]subject{
		{name: latencyAll, words: "latencies (p50, p75, p90, p95 and p99 together)", unit: duration, family: tail, relative: true, source: requests, quantile: []float64{.50, .75, .90, .95, .99}},
		{name: "ctr", words: "click-through rate", family: events, more: true, relative: true, absolute: true, source: kpi.MeasureClick},
		{name: "conversion", words: "conversion rate", family: events, more: true, relative: true, absolute: true, source: kpi.MeasureConversion},
		{name: "auc", words: "AUC", unit: number, family: whole, more: true, relative: true, absolute: true, source: kpi.MeasurePositive, second: kpi.MeasureNegative},
		{name: "f1", words: "F1", unit: number, family: whole, more: true, relative: true, absolute: true, source: kpi.MeasurePositive, second: kpi.MeasureNegative},
		{name: "rmse", words: "RMSE", unit: number, family: whole, relative: true, absolute: true, source: kpi.MeasureSquareError},
		{name: "calibration_error", words: "calibration error", unit: number, family: whole, absolute: true, source: kpi.MeasurePositive, second: kpi.MeasureNegative},
		{name: "parity", words: "parity ratio between the groups", unit: number, family: pairs, more: true, absolute: true, source: kpi.MeasureGroup, prefix: true},
		{name: "equal_opportunity", words: "equal opportunity ratio between the groups", unit: number, family: pairs, more: true, absolute: true, source: kpi.MeasureOpportunity, prefix: true},
		{name: "psi", words: "population stability index of the predictions", unit: number, family: whole, absolute: true, source: kpi.MeasureScore},
		{name: "ks", words: "Kolmogorov-Smirnov distance of the predictions", unit: number, family: whole, absolute: true, source: kpi.MeasureScore},
		{name: "invalid_input_rate", words: "share of requests that break the data contract", family: events, relative: true, absolute: true, source: kpi.MeasureInvalid},
		{name: "agreement", words: "agreement with the baseline", family: events, more: true, absolute: true, source: kpi.MeasureAgreement},
		{name: "throughput", words: "answered requests per second", unit: number, family: flow, more: true, absolute: true, source: requests},
	},
	quantiles("time_to_first_token", "time to first token", duration, kpi.MeasureFirstToken, .50, .75, .90, .95, .99),
	slow("tokens_per_second", "tokens per second", kpi.MeasureTokens, .05, .10, .25, .50),
	[]subject{{name: "shadow.error_rate", words: "error rate of the mirrored copies", family: events, absolute: true, source: kpi.MeasureShadow}},
	quantiles("shadow.latency", "latency of the mirrored copies", duration, kpi.MeasureShadow, .50, .75, .90, .95, .99),
)

// families of names that the policy completes.
var open = []subject{
	{name: "psi.", words: "population stability index of input ", unit: number, family: whole, absolute: true, source: kpi.MeasureInput},
	{name: "ks.", words: "Kolmogorov-Smirnov distance of input ", unit: number, family: whole, absolute: true, source: kpi.MeasureInput},
	{name: "value.", words: "mean of ", unit: number, family: whole, either: true, relative: true, absolute: true, source: kpi.MeasureValue},
}

// quantiles lists the KPIs of a quantity that is better when less.
func quantiles(name, words string, u unit, source string, at ...float64) []subject {
	out := make([]subject, len(at))
	for i, q := range at {
		out[i] = subject{
			name: name + percentile(q), words: percentile(q)[1:] + " " + words, unit: u, family: tail,
			relative: !strings.HasPrefix(name, "shadow."), absolute: true, source: source, quantile: []float64{q},
		}
	}
	return out
}

// slow lists the KPIs of a quantity that is better when more: its low quantiles.
func slow(name, words, source string, at ...float64) []subject {
	out := quantiles(name, words, number, source, at...)
	for i := range out {
		out[i].more = true
	}
	return out
}

// percentile is _p95 for 0.95 and _p05 for 0.05.
func percentile(q float64) string {
	n := int(q*100 + 0.5)
	return "_p" + string(rune('0'+n/10)) + string(rune('0'+n%10))
}

// subjectOf finds a KPI by its name.
func subjectOf(name string) (subject, bool) {
	for _, s := range subjects {
		if s.name == name {
			return s, true
		}
	}
	for _, s := range open {
		if rest, ok := strings.CutPrefix(name, s.name); ok && rest != "" {
			s.name, s.words, s.source = name, s.words+rest, s.source+rest
			return s, true
		}
	}
	return subject{}, false
}

// kpis are the names for errors; the quantiles of one quantity in one.
func kpis() []string {
	var out []string
	for _, s := range subjects {
		if len(s.quantile) == 1 {
			cut := len(s.name) - len("p99")
			if n := len(out) - 1; n >= 0 && strings.HasPrefix(out[n], s.name[:cut+1]) {
				out[n] += "|" + s.name[cut:]
				continue
			}
		}
		out = append(out, s.name)
	}
	for _, s := range open {
		out = append(out, s.name+"NAME")
	}
	return out
}

// sources are the names whose counts the KPI needs; prefixes apart.
func (s subject) sources() (names, prefixes []string) {
	if s.prefix {
		return nil, []string{s.source}
	}
	names = []string{s.source}
	if s.second != "" {
		names = append(names, s.second)
	}
	return names, nil
}

// Need is what a gate's KPI has to be fed with.
type Need struct {
	Gate  int    // index in Config.Gates
	Field string // require, rollback_when or expr
	Text  string // of that field
	KPI   string
	// Outcome is the kind of outcomes it is made of; Input the input that has to be
	// declared; Payload and Shadow say that it
	// is read from answers, or from mirrored copies.
	Outcome string
	Input   string
	Payload bool
	Shadow  bool
	// Group and Contract say which part of the payload it needs.
	Group, Contract bool
}

// Needs lists what the gates have to be fed with beside requests and latencies.
func (c Config) Needs() []Need {
	var out []Need
	for i, g := range c.Gates {
		for field, text := range map[string]string{"require": g.Require, "rollback_when": g.RollbackWhen} {
			if cond, err := ParseCondition(text); text != "" && err == nil {
				out = append(out, cond.subject.need(i, field, text))
			}
		}
		if f, err := parseFree(g.Expr); g.Expr != "" && err == nil {
			for _, r := range f.reads {
				out = append(out, r.kpi.subject.need(i, "expr", g.Expr))
			}
		}
	}
	slices.SortFunc(out, func(a, b Need) int { return cmp.Or(cmp.Compare(a.Gate, b.Gate), cmp.Compare(a.Field, b.Field)) })
	return out
}

func (s subject) need(gate int, field, text string) Need {
	n := Need{Gate: gate, Field: field, Text: text, KPI: s.name}
	switch s.source {
	case kpi.MeasureClick:
		n.Outcome = kpi.Click
	case kpi.MeasureConversion:
		n.Outcome = kpi.Conversion
	case kpi.MeasurePositive, kpi.MeasureSquareError, kpi.MeasureOpportunity:
		n.Outcome, n.Payload = kpi.Label, true
	case kpi.MeasureScore, kpi.MeasureGroup, kpi.MeasureInvalid:
		n.Payload = true
	case kpi.MeasureAgreement, kpi.MeasureShadow:
		n.Shadow = true
	}
	n.Group = s.family == pairs
	n.Contract = s.source == kpi.MeasureInvalid
	if name, ok := strings.CutPrefix(s.source, kpi.MeasureInput); ok {
		n.Input, n.Payload = name, true
	}
	return n
}
