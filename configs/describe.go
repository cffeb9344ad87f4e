package configs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// DescribeOptions is what is known of the traffic that a policy will see.
type DescribeOptions struct {
	// Rate is in requests per second, both arms together; 0 = not known, and
	// then nothing is said of how long a gate takes.
	Rate float64
	// Base holds the usual values by KPI as shares from 0 to 1: error_rate the
	// share of requests that fails, latency_p95 and the like the share that is
	// over the gate's limit. What is missing counts as 0.
	Base map[string]float64
	// Users is how many distinct keys the traffic brings during a rollout; 0 =
	// not known.
	Users int
}

// Description is a policy in words.
type Description struct {
	Models []ModelDescription `json:"models"`
}

// ModelDescription is one model's policy in words.
type ModelDescription struct {
	Model         string            `json:"model"`
	PolicyHash    string            `json:"policy_hash"`
	FalseRollback float64           `json:"false_rollback"` // α, 0 to 1
	FalsePass     float64           `json:"false_pass"`     // β, 0 to 1
	PlannedS      float64           `json:"planned_s"`      // all holds, in seconds
	Plan          []StepDescription `json:"plan"`
	Gates         []GateDescription `json:"gates"`
	Incidents     []string          `json:"incidents"` // without secrets
	Notes         []string          `json:"notes"`
	Warnings      []string          `json:"warnings"`
}

// StepDescription is one step of the plan.
type StepDescription struct {
	Index    int           `json:"index"` // from 0
	Kind     string        `json:"kind"`
	Weight   canary.Weight `json:"weight"`
	HoldS    float64       `json:"hold_s"`
	Sentence string        `json:"sentence"`
}

// GateDescription is one gate, and how long its require takes at the given rate.
type GateDescription struct {
	Name     string `json:"name"`
	Sentence string `json:"sentence"`
	Needs    []Need `json:"needs,omitempty"`
}

// Need is the time that an equal candidate needs in one step to be shown good
// enough for one gate.
type Need struct {
	Step    int      `json:"step"`    // from 0
	Seconds *float64 `json:"seconds"` // null: not with this traffic
	HoldS   float64  `json:"hold_s"`
}

// Describe says what the policy means, gate by gate, and what of it is probably
// not meant.
func (p *Policy) Describe(o DescribeOptions) Description {
	d := Description{Models: []ModelDescription{}}
	for _, name := range slices.Sorted(maps.Keys(p.Models)) {
		d.Models = append(d.Models, p.describeModel(name, o))
	}
	return d
}

func (p *Policy) describeModel(name string, o DescribeOptions) ModelDescription {
	m := p.Models[name]
	d := ModelDescription{
		Model: name, PolicyHash: p.Hash(name), FalseRollback: float64(m.FalseRollback), FalsePass: float64(m.FalsePass),
		PlannedS: m.Planned().Seconds(), Plan: describePlan(m.Config), Notes: notes(m.Config), Warnings: m.Warnings(),
	}
	d.Gates, d.Incidents = []GateDescription{}, []string{}
	for _, place := range m.Incidents {
		d.Incidents = append(d.Incidents, place.String())
	}
	for i, sentence := range m.Sentences() {
		d.Gates = append(d.Gates, GateDescription{Name: m.Gates[i].Name, Sentence: sentence})
	}
	if d.Warnings == nil {
		d.Warnings = []string{} // [] in JSON
	}
	d.Warnings = append(d.Warnings, m.WarningsAt(o.Base["error_rate"])...)
	d.Warnings = append(d.Warnings, p.unverified(name)...)
	d.Warnings = append(d.Warnings, unwatched(m.Config)...)
	if o.Rate > 0 {
		d.plan(m.Config, o)
	}
	return d
}

func describePlan(c rollout.Config) []StepDescription {
	out := make([]StepDescription, len(c.Plan))
	for i, s := range c.Plan {
		out[i] = StepDescription{Index: i, Kind: s.Kind(), Weight: s.Weight(), HoldS: s.Hold().Seconds()}
		switch {
		case s.Canary != nil:
			out[i].Sentence = fmt.Sprintf("%s of the users get the candidate for at least %s", s.Canary.Weight, short(s.Canary.Hold))
		case s.Promote != nil:
			out[i].Sentence = "the registry names the candidate Production"
		case s.Bake != nil:
			out[i].Sentence = fmt.Sprintf("the candidate serves everyone for %s while the previous version stays warm", short(s.Bake.Hold))
		}
	}
	return out
}

// bothArms says whether the baseline keeps enough traffic in a step for gates
// against it to speak (statistics.md §2: above 99 % they cannot).
func bothArms(s rollout.Step) bool {
	return s.Canary != nil && s.Canary.Weight <= canary.Full/100*99
}

// notes are the terms on which the promises hold.
func notes(c rollout.Config) []string {
	out := []string{
		fmt.Sprintf("a candidate that is no worse than its limits is rolled back by a gate with a probability of at most %s over the whole rollout; "+
			"the breaker, which takes a dead candidate off the traffic in seconds, is not covered by it", c.FalseRollback),
		fmt.Sprintf("a step advances on pass alone: every require shown, at least %d requests counted on each arm that is compared, the hold over; "+
			"without a verdict it %s", c.MinRequests, inconclusive(c)),
	}
	if c.WarmUp != nil && *c.WarmUp > 0 {
		out = append(out, fmt.Sprintf("the first %s after the candidate's weight leaves 0 are no evidence (warm_up)", short(*c.WarmUp)))
	}
	var alone []string
	for i, s := range c.Plan {
		if s.Promote == nil && !bothArms(s) {
			alone = append(alone, fmt.Sprintf("%d (%s)", i+1, s.Kind()))
		}
	}
	if gates := relative(c); len(alone) > 0 && len(gates) > 0 {
		out = append(out, fmt.Sprintf("in step %s there is no baseline traffic to compare with: the verdict of the last step that had both arms stays for %s, shown as carried; "+
			"absolute gates, the breaker and operators still act", strings.Join(alone, " and "), list(gates)))
	}
	return out
}

func inconclusive(c rollout.Config) string {
	if c.OnInconclusive == rollout.OnInconclusiveBack {
		return "is rolled back at the end of its hold"
	}
	return "holds"
}

// relative names the gates that compare with the baseline.
func relative(c rollout.Config) []string {
	var out []string
	for _, g := range c.Gates {
		if againstBaseline(g.Require) || againstBaseline(g.RollbackWhen) {
			out = append(out, g.Name)
		}
	}
	return out
}

func againstBaseline(text string) bool {
	condition, err := judge.ParseCondition(text)
	return err == nil && condition.Baseline
}

// unwatched warns of steps that nothing but the breaker would end.
func unwatched(c rollout.Config) []string {
	absolute := slices.ContainsFunc(c.Gates, func(g judge.GateConfig) bool {
		one := judge.Config{Gates: []judge.GateConfig{g}}
		written := g.RollbackWhen
		if written == "" {
			written = g.Require
		}
		return one.CanRollBack() && !againstBaseline(written)
	})
	var out []string
	for i, s := range c.Plan {
		if s.Promote != nil || bothArms(s) {
			continue
		}
		if !absolute {
			out = append(out, fmt.Sprintf("step %d (%s): nothing but the breaker and operators can take the candidate back there: no absolute gate, such as error_rate <= 2%%, can roll back", i+1, s.Kind()))
		}
		if i == 0 && len(relative(c)) > 0 {
			out = append(out, fmt.Sprintf("step 1 leaves the baseline no traffic: %s cannot be shown, and the step never passes", list(relative(c))))
		}
	}
	return out
}

// unverified warns of arms whose version nobody can read.
func (p *Policy) unverified(model string) []string {
	for _, r := range p.Routes {
		if r.Model == model && r.Candidate != nil && !verifiable(r) {
			return []string{fmt.Sprintf("route %s: an arm has no version_from: what it serves is not held against the registry, and start asks for --unverified", r.Name)}
		}
	}
	return nil
}

func list(words []string) string {
	if len(words) == 1 {
		return "gate " + words[0]
	}
	return "gates " + strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// short is a duration without its zero units: 2h instead of 2h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
