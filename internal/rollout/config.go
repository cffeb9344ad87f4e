package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
)

// Defaults of a model's policy; the YAML and the help texts quote them.
const (
	DefaultWarmUp        = 60 * time.Second
	DefaultReloadTimeout = 60 * time.Second
	OnInconclusiveHold   = "hold"
	OnInconclusiveBack   = "rollback"
	OnNewerRefuse        = "refuse"
)

// Config is one model's policy: how a candidate is tried and what it must hold.
type Config struct {
	judge.Config `yaml:",inline"`
	// WarmUp is left out of the evidence after the candidate's weight goes up
	// from 0: cold caches are a real difference, and not the one on trial.
	WarmUp *time.Duration `yaml:"warm_up,omitempty" json:"warm_up"`
	// OnInconclusive says what the end of a hold does without a verdict:
	// hold | rollback.
	OnInconclusive string `yaml:"on_inconclusive,omitempty" json:"on_inconclusive"`
	// OnNewer says what a start does while another version is on trial: refuse.
	OnNewer string `yaml:"on_newer,omitempty" json:"on_newer"`
	// AfterPromote tells the baseline's upstreams to load what was promoted;
	// nil: they are waited for.
	AfterPromote *AfterPromote `yaml:"after_promote,omitempty" json:"after_promote,omitempty"`
	Plan         []Step        `yaml:"plan" json:"plan"`
}

// AfterPromote is the reload hook, called on every upstream of the baseline.
type AfterPromote struct {
	Reload  string        `yaml:"reload" json:"reload"` // "POST /reload"
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout"`
}

// Method and Path split the hook "POST /reload".
func (a AfterPromote) Method() string { m, _, _ := strings.Cut(a.Reload, " "); return m }

// Path is the path of the hook on each upstream.
func (a AfterPromote) Path() string { _, p, _ := strings.Cut(a.Reload, " "); return p }

// Step is one stretch of the plan: exactly one of its fields is set.
type Step struct {
	Canary  *CanaryStep  `yaml:"canary,omitempty" json:"canary,omitempty"`
	Promote *PromoteStep `yaml:"promote,omitempty" json:"promote,omitempty"`
	Bake    *BakeStep    `yaml:"bake,omitempty" json:"bake,omitempty"`
}

// CanaryStep sends Weight of the users to the candidate for at least Hold.
type CanaryStep struct {
	Weight canary.Weight `yaml:"weight" json:"weight"`
	Hold   time.Duration `yaml:"hold" json:"hold"`
}

// PromoteStep makes the candidate the registry's Production version.
type PromoteStep struct{}

// BakeStep keeps the previous version warm for Hold after the promotion.
type BakeStep struct {
	Hold time.Duration `yaml:"hold" json:"hold"`
}

// Kind names the step: canary | promote | bake.
func (s Step) Kind() string {
	switch {
	case s.Canary != nil:
		return "canary"
	case s.Promote != nil:
		return "promote"
	case s.Bake != nil:
		return "bake"
	}
	return ""
}

// Hold is the least time the step lasts.
func (s Step) Hold() time.Duration {
	switch {
	case s.Canary != nil:
		return s.Canary.Hold
	case s.Bake != nil:
		return s.Bake.Hold
	}
	return 0
}

// Weight is the candidate's share in the step; everything once promoted.
func (s Step) Weight() canary.Weight {
	if s.Canary != nil {
		return s.Canary.Weight
	}
	return canary.Full
}

// SetDefaults fills in what the policy leaves out.
func (c *Config) SetDefaults() {
	c.Config.SetDefaults()
	if c.WarmUp == nil {
		warm := DefaultWarmUp
		c.WarmUp = &warm
	}
	if c.OnInconclusive == "" {
		c.OnInconclusive = OnInconclusiveHold
	}
	if c.OnNewer == "" {
		c.OnNewer = OnNewerRefuse
	}
	if c.AfterPromote != nil && c.AfterPromote.Timeout == 0 {
		c.AfterPromote.Timeout = DefaultReloadTimeout
	}
}

// Planned is the time the plan takes when every step passes at the end of its hold.
func (c Config) Planned() time.Duration {
	var sum time.Duration
	for _, s := range c.Plan {
		sum += s.Hold()
	}
	return sum
}

// Validate reports what is wrong with the policy, each with its path, value
// and what was wanted.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	c.Config.Validate(report)
	if c.WarmUp != nil && *c.WarmUp < 0 {
		report("warm_up", *c.WarmUp, "a duration of 0s or more")
	}
	if c.OnInconclusive != OnInconclusiveHold && c.OnInconclusive != OnInconclusiveBack {
		report("on_inconclusive", c.OnInconclusive, "hold or rollback")
	}
	if c.OnNewer != OnNewerRefuse {
		report("on_newer", c.OnNewer, "refuse: a start is refused while another version is on trial")
	}
	c.validateReload(report)
	c.validatePlan(report)
}

func (c Config) validateReload(report func(path string, value any, wanted string)) {
	if c.AfterPromote == nil {
		return
	}
	method, path := c.AfterPromote.Method(), c.AfterPromote.Path()
	if (method != "POST" && method != "PUT") || !strings.HasPrefix(path, "/") {
		report("after_promote.reload", c.AfterPromote.Reload, `a method and a path such as "POST /reload"`)
	}
	if c.AfterPromote.Timeout <= 0 {
		report("after_promote.timeout", c.AfterPromote.Timeout, "a duration above 0s")
	}
}

func (c Config) validatePlan(report func(path string, value any, wanted string)) {
	if len(c.Plan) == 0 {
		report("plan", nil, "at least one canary step, such as `- canary: {weight: 10%, hold: 10m}`")
		return
	}
	var last canary.Weight
	promoteAt, bakeAt := -1, -1
	for i, s := range c.Plan {
		at := fmt.Sprintf("plan[%d]", i)
		if n := s.fields(); n != 1 {
			report(at, nil, "exactly one of canary, promote or bake")
			continue
		}
		if promoteAt >= 0 && s.Bake == nil {
			report(at, s.Kind(), "nothing but one bake after promote")
		}
		switch {
		case s.Canary != nil:
			last = s.Canary.validate(at, last, report)
		case s.Promote != nil:
			if i == 0 {
				report(at, "promote", "a canary step before promote")
			}
			promoteAt = i
		case s.Bake != nil:
			if promoteAt < 0 || bakeAt >= 0 {
				report(at, "bake", "one bake, right after promote")
			}
			if s.Bake.Hold <= 0 {
				report(at+".bake.hold", s.Bake.Hold, "a duration above 0s")
			}
			bakeAt = i
		}
	}
	if last > 0 && !c.CanRollBack() {
		report("gates", nil, "at least one gate that can roll back (mode: enforce and on_fail: rollback), because the plan sends users to a candidate")
	}
}

func (s CanaryStep) validate(at string, last canary.Weight, report func(path string, value any, wanted string)) canary.Weight {
	if s.Weight == 0 || s.Weight > canary.Full {
		report(at+".canary.weight", s.Weight, "a share from 0.01% to 100%")
	} else if s.Weight < last {
		report(at+".canary.weight", s.Weight, fmt.Sprintf("%s or more: a plan never takes users back from the candidate", last))
	}
	if s.Hold <= 0 {
		report(at+".canary.hold", s.Hold, "a duration above 0s")
	}
	return max(last, s.Weight)
}

func (s Step) fields() int {
	n := 0
	for _, set := range []bool{s.Canary != nil, s.Promote != nil, s.Bake != nil} {
		if set {
			n++
		}
	}
	return n
}
