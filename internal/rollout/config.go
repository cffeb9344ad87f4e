package rollout

import (
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
)

// Defaults of a model's policy; the YAML and the help texts quote them.
const (
	DefaultWarmUp        = 60 * time.Second
	DefaultReloadTimeout = 60 * time.Second
	OnInconclusiveHold   = "hold"
	OnInconclusiveBack   = "rollback"
	OnNewerRefuse        = "refuse"
	OnNewerSupersede     = "supersede"
)

// Config is one model's policy: how a candidate is tried and what it must hold.
type Config struct {
	judge.Config `yaml:",inline"`
	// Measured is what of payloads and outcomes the gates are fed with.
	Measured kpi.Config `yaml:",inline" json:"measured"`
	// WarmUp is left out of the evidence after the candidate's weight goes up
	// from 0: cold caches are a real difference, and not the one on trial.
	WarmUp *time.Duration `yaml:"warm_up,omitempty" json:"warm_up"`
	// OnInconclusive says what the end of a hold does without a verdict:
	// hold | rollback.
	OnInconclusive string `yaml:"on_inconclusive,omitempty" json:"on_inconclusive"`
	// OnNewer says what a start does while another version is on trial:
	// refuse | supersede.
	OnNewer string `yaml:"on_newer,omitempty" json:"on_newer"`
	// Holdback is the share of users that stays on the baseline in every step, the
	// bake included, so that gates against it go on speaking.
	Holdback canary.Weight `yaml:"holdback,omitempty" json:"holdback,omitempty"`
	// Prometheus is asked for values that gates know by name; nil: none is.
	Prometheus *Prometheus `yaml:"prometheus,omitempty" json:"prometheus,omitempty"`
	// AfterPromote says how the backends change their roles once the bake is over;
	// nil: the baseline's upstreams are waited for to serve what was promoted.
	AfterPromote *AfterPromote `yaml:"after_promote,omitempty" json:"after_promote,omitempty"`
	Plan         []Step        `yaml:"plan" json:"plan"`
	// Freeze names times in which nothing starts, advances or is promoted.
	Freeze []Freeze `yaml:"freeze,omitempty" json:"freeze,omitempty"`
	// OnAlert says what alerts from outside do to the rollout. It is frozen with
	// the rest: what may take a candidate back is known when its trial begins.
	OnAlert []alerts.Rule `yaml:"on_alert,omitempty" json:"on_alert,omitempty"`
}

// SetDefaults fills in what the policy leaves out.
func (c *Config) SetDefaults() {
	c.Config.SetDefaults()
	c.Measured.SetDefaults()
	if c.Prometheus != nil {
		c.Prometheus.SetDefaults()
	}
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
	if c.AfterPromote != nil {
		c.AfterPromote.setDefaults()
	}
	for i := range c.Plan {
		c.Plan[i].setDefaults()
	}
	for i := range c.Freeze {
		c.Freeze[i].setDefaults()
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
	c.Measured.Validate(report)
	if c.Prometheus != nil {
		c.Prometheus.Validate(func(path string, value any, wanted string) { report("prometheus."+path, value, wanted) })
	}
	if c.WarmUp != nil && *c.WarmUp < 0 {
		report("warm_up", *c.WarmUp, "a duration of 0s or more")
	}
	if c.OnInconclusive != OnInconclusiveHold && c.OnInconclusive != OnInconclusiveBack {
		report("on_inconclusive", c.OnInconclusive, "hold or rollback")
	}
	if c.OnNewer != OnNewerRefuse && c.OnNewer != OnNewerSupersede {
		report("on_newer", c.OnNewer, "refuse or supersede")
	}
	if c.Holdback > canary.Full/2 {
		report("holdback", c.Holdback, "a share of the users up to 50%")
	}
	c.validateMeasured(report)
	if c.AfterPromote != nil {
		c.AfterPromote.validate(report)
	}
	c.validatePlan(report)
	c.validateFreeze(report)
	alerts.Validate(c.OnAlert, func(path string, value any, wanted string) { report("on_alert"+path, value, wanted) })
}
