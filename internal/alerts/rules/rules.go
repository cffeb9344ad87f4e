package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/judge"
)

// Defaults of Options.
const (
	DefaultWindow = time.Minute
	DefaultFor    = 30 * time.Second
)

// Severities, as the label says them.
const (
	Critical = "critical" // a gate would take the candidate back for it
	Warning  = "warning"  // somebody should know
)

// Model is what is read of one model's policy.
type Model struct {
	Name  string
	Route string // the label of its traffic
	// MinRequests of the candidate have to lie in the window.
	MinRequests uint64
	Gates       []judge.GateConfig
}

// Options shape the rules.
type Options struct {
	// Window is what rates are taken over: four times the scrape interval at the
	// least.
	Window time.Duration
	// For is how long a raw value has to stay beyond its limit.
	For time.Duration
	// Buckets are the upper edges of headgate_request_duration_seconds.
	Buckets []float64
}

// File is a file of Prometheus's rules.
type File struct {
	Groups []Group `yaml:"groups" json:"groups"`
}

// Group is evaluated together, in order.
type Group struct {
	Name  string `yaml:"name" json:"name"`
	Rules []Rule `yaml:"rules" json:"rules"`
}

// Rule is one alerting rule.
type Rule struct {
	Alert       string            `yaml:"alert" json:"alert"`
	Expr        string            `yaml:"expr" json:"expr"`
	For         string            `yaml:"for,omitempty" json:"for,omitempty"`
	Labels      map[string]string `yaml:"labels" json:"labels"`
	Annotations map[string]string `yaml:"annotations" json:"annotations"`
}

// Generate makes the rules, and notes about what a rule cannot hold as exactly
// as its gate.
func Generate(models []Model, o Options) (File, []string) {
	var f File
	var notes []string
	for _, m := range models {
		g := Group{Name: "headgate " + m.Name + " gates"}
		for _, gate := range m.Gates {
			made, said := ofGate(m, gate, o)
			g.Rules, notes = append(g.Rules, made...), append(notes, said...)
		}
		f.Groups = append(f.Groups, g)
	}
	f.Groups = append(f.Groups, Group{Name: "headgate", Rules: operational()})
	return f, notes
}

// ofGate is the judge's own verdict, the evidence on its way there, and the raw
// value where Prometheus sees it.
func ofGate(m Model, gate judge.GateConfig, o Options) ([]Rule, []string) {
	labels := func(severity string) map[string]string {
		return map[string]string{"headgate": "1", "severity": severity, "model": literal(m.Name), "gate": literal(gate.Name)}
	}
	selector := fmt.Sprintf("model=%s,gate=%s", quote(m.Name), quote(gate.Name))
	live := fmt.Sprintf("headgate_rollout_started_timestamp_seconds{model=%s}", quote(m.Name))
	// Templates see the labels of the expression alone, so names are written out.
	model, name := literal(m.Name), literal(gate.Name)
	meaning := literal(gate.Message)
	if meaning == "" {
		meaning = "gate " + name + ": " + literal(written(gate))
	}
	made := []Rule{{
		Alert:  "HeadgateGateFailed",
		Expr:   fmt.Sprintf("headgate_gate_verdict{%s,verdict=\"fail\"} == 1\nand on (model) %s", selector, live),
		Labels: labels(ofVerdict(gate)),
		Annotations: map[string]string{
			"summary":     model + ": gate " + name + " has failed",
			"description": meaning + ". The judge has shown it; what follows is the policy's mode and on_fail.",
		},
	}, {
		Alert:  "HeadgateGateEvidence",
		Expr:   fmt.Sprintf("headgate_gate_evidence{%s,toward=\"fail\"} > 0.5\nand on (model) %s", selector, live),
		For:    duration(o.For),
		Labels: labels(Warning),
		Annotations: map[string]string{
			"summary":     model + ": gate " + name + " is half-way to failing",
			"description": meaning + ". Evidence {{ printf \"%.2f\" $value }} of 1.",
		},
	}}
	raw, note := rawExpr(m, gate, o)
	if raw.expr != "" {
		made = append(made, Rule{
			Alert: raw.alert, Expr: raw.expr, For: duration(o.For), Labels: labels(ofRaw(gate)),
			Annotations: map[string]string{
				"summary":     model + ": the candidate is beyond the limit of gate " + name,
				"description": meaning + ". " + raw.shown + " over " + duration(o.Window) + ": {{ $value | " + raw.format + " }}.",
			},
		})
	}
	return made, note
}

// ofVerdict: what the judge has shown is as sure for an observed gate as for an
// enforced one.
func ofVerdict(g judge.GateConfig) string {
	if g.OnFail == "" || g.OnFail == judge.OnFailRollback {
		return Critical
	}
	return Warning
}

// ofRaw: see the package comment.
func ofRaw(g judge.GateConfig) string {
	if g.Mode == judge.ModeObserve {
		return ofVerdict(g)
	}
	return Warning
}

func written(g judge.GateConfig) string {
	if g.RollbackWhen != "" {
		return "rollback_when " + g.RollbackWhen
	}
	return "require " + g.Require
}

// quote writes a value for a PromQL matcher.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// literal keeps Prometheus from taking a person's words for a template.
func literal(s string) string { return strings.ReplaceAll(s, "{{", `{{ "{{" }}`) }

// duration as Prometheus writes it: milliseconds have their own unit, and there
// are no fractions.
func duration(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", int64(d/time.Second))
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}
