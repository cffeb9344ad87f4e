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
	// Routes are those on which candidates are tried.
	Routes    []RouteDescription `json:"routes"`
	OnAlert   []string           `json:"on_alert"`
	Incidents []string           `json:"incidents"` // without secrets
	Notes     []string           `json:"notes"`
	Warnings  []string           `json:"warnings"`
}

// StepDescription is one step of the plan.
type StepDescription struct {
	Index    int           `json:"index"` // from 0
	Kind     string        `json:"kind"`
	Weight   canary.Weight `json:"weight"`
	HoldS    float64       `json:"hold_s"`
	Sentence string        `json:"sentence"`
}

// GateDescription is one gate, and what it can show at the given rate.
type GateDescription struct {
	Name     string `json:"name"`
	Sentence string `json:"sentence"`
	Needs    []Need `json:"needs,omitempty"`
	// Unplanned says why nothing is said of how long the gate takes.
	Unplanned string `json:"unplanned,omitempty"`
}

// Need is what one gate can show in one step. Margins and effects are in the
// units of the KPI, shares from 0 to 1; of a latency limit shares of requests.
type Need struct {
	Step int `json:"step"` // from 0
	// Seconds that an equal candidate needs to be shown good enough; null: never,
	// or a guard.
	Seconds *float64 `json:"seconds"`
	HoldS   float64  `json:"hold_s"`
	Never   bool     `json:"never,omitempty"` // an equal candidate does not pass
	// Margin is the smallest one beside the baseline that can be shown in the hold.
	Margin *float64 `json:"margin,omitempty"`
	// Seen is how far beyond its limit a candidate is that is taken back within
	// the hold.
	Seen *float64 `json:"seen,omitempty"`
	// Base is the value that both arms are taken to have; Assumed: nobody said so.
	Base    float64 `json:"base"`
	Assumed bool    `json:"assumed,omitempty"`
	// Bases works it out for other values when nobody said what is usual.
	Bases []BaseNeed `json:"bases,omitempty"`

	evidence float64 // seconds without what comes before it
	text     string
}

// BaseNeed is a Need at one usual value.
type BaseNeed struct {
	Base    float64  `json:"base"`
	Seconds *float64 `json:"seconds"`
	Margin  *float64 `json:"margin,omitempty"`
	Seen    *float64 `json:"seen,omitempty"`
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
	d.Routes = p.describeRoutes(name)
	d.Gates, d.Incidents, d.OnAlert = []GateDescription{}, []string{}, []string{}
	for _, rule := range m.OnAlert {
		d.OnAlert = append(d.OnAlert, rule.Sentence())
	}
	for _, place := range m.Incidents {
		d.Incidents = append(d.Incidents, place.String())
	}
	if c := m.Drill; c != nil {
		d.Notes = append(d.Notes, fmt.Sprintf("a start asks for a rollback that was practised (headgate drill %s) at most %s before, with the traffic off within %s and the registry right within %s", name, c.MaxAge, c.TrafficOff, c.Registry))
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
	d.Warnings = append(d.Warnings, unseen(m.Config)...)
	d.Warnings = append(d.Warnings, p.unmet(name)...)
	if o.Rate > 0 {
		d.plan(m.Config, o)
	}
	return d
}

// bothArms says whether the baseline keeps enough traffic in a step for gates
// against it to speak (statistics.md §2: above 99 % they cannot).
func bothArms(c rollout.Config, s rollout.Step) bool {
	return s.Promote == nil && s.Approve == nil && c.WeightOf(s) <= canary.Full/100*99
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
	out = append(out, freezes(c)...)
	if text := afterPromote(c); text != "" {
		out = append(out, text)
	}
	var alone []string
	for i, s := range c.Plan {
		if s.Promote == nil && s.Approve == nil && !bothArms(c, s) {
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
		if s.Promote != nil || s.Approve != nil || bothArms(c, s) {
			continue
		}
		if !absolute {
			out = append(out, fmt.Sprintf("step %d (%s): nothing but the breaker and operators can take the candidate back there: no absolute gate, such as error_rate <= 2%%, can roll back", i+1, s.Kind()))
		}
		if s.Bake == nil && len(relative(c)) > 0 && !slices.ContainsFunc(c.Plan[:i], func(s rollout.Step) bool { return s.Shadow == nil && bothArms(c, s) }) {
			out = append(out, fmt.Sprintf("step %d leaves the baseline no traffic: %s cannot be shown, and the step never passes", i+1, list(relative(c))))
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
