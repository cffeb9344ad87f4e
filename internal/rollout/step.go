package rollout

import (
	"time"

	"github.com/headgate/headgate/canary"
)

// Defaults of the steps.
const (
	ByRequest           = "request"
	ByKey               = "key"
	DefaultExpires      = 72 * time.Hour
	CommentRequired     = "required"
	CommentOptional     = "optional"
	DefaultChecks       = 20
	DefaultCheckTimeout = 5 * time.Second
	DefaultGradualSteps = 10
	OnDeadlineRollback  = "rollback"
	OnDeadlineHold      = "hold"
	OnDeadlineNotify    = "notify"
	mostChecks          = 10000
	mostGradual         = 1000
	checkBody           = 64 << 10 // bytes
)

// Step is one stretch of the plan: exactly one of its kinds is set.
type Step struct {
	Shadow    *ShadowStep    `yaml:"shadow,omitempty" json:"shadow,omitempty"`
	Approve   *ApproveStep   `yaml:"approve,omitempty" json:"approve,omitempty"`
	Canary    *CanaryStep    `yaml:"canary,omitempty" json:"canary,omitempty"`
	BlueGreen *BlueGreenStep `yaml:"bluegreen,omitempty" json:"bluegreen,omitempty"`
	Promote   *PromoteStep   `yaml:"promote,omitempty" json:"promote,omitempty"`
	Bake      *BakeStep      `yaml:"bake,omitempty" json:"bake,omitempty"`
	// Deadline is the most time the step may take by the wall clock, pauses and
	// downtime included; 0 = none. OnDeadline says what its end does: rollback |
	// hold | notify.
	Deadline   time.Duration `yaml:"deadline,omitempty" json:"deadline,omitempty"`
	OnDeadline string        `yaml:"on_deadline,omitempty" json:"on_deadline,omitempty"`
}

// ShadowStep sends the candidate copies of Share of the requests and no users.
type ShadowStep struct {
	Share canary.Weight `yaml:"share,omitempty" json:"share"`
	By    string        `yaml:"by,omitempty" json:"by"` // request | key
	Hold  time.Duration `yaml:"hold" json:"hold"`
	// Every cuts the hold into windows: each required gate has to be shown anew in
	// each of them, one after the other; 0 = once in the hold.
	Every time.Duration `yaml:"every,omitempty" json:"every,omitempty"`
}

// Windows is how many windows in a row have to be shown; 1 without any.
func (s ShadowStep) Windows() int {
	if s.Every <= 0 {
		return 1
	}
	return max(1, int(s.Hold/s.Every))
}

// stratum is how long a stratum of the step is open: a part of what has to be
// shown, so that a short window ends with most of what came in it judged.
func (s ShadowStep) stratum() time.Duration {
	span := s.Hold
	if s.Every > 0 {
		span = s.Every
	}
	return min(max(span/30, time.Second), 10*time.Second)
}

// ApproveStep waits for a person, with the traffic as it was.
type ApproveStep struct {
	// Role is what the person's token has to carry.
	Role string `yaml:"role" json:"role"`
	// Expires is how long an approval counts after it was given.
	Expires time.Duration `yaml:"expires,omitempty" json:"expires"`
	// NotAuthor refuses the person who started the rollout; nil means it does.
	NotAuthor *bool `yaml:"not_author,omitempty" json:"not_author"`
	// Comment is required or optional.
	Comment string `yaml:"comment,omitempty" json:"comment"`
}

// CanaryStep sends Weight of the users to the candidate for at least Hold.
type CanaryStep struct {
	Weight canary.Weight `yaml:"weight" json:"weight"`
	Hold   time.Duration `yaml:"hold" json:"hold"`
}

// BlueGreenStep moves everyone at once, after the idle colour was checked.
type BlueGreenStep struct {
	Hold time.Duration `yaml:"hold" json:"hold"`
	// Check is what the candidate's upstreams are asked before users come; nil:
	// health and version are looked at alone.
	Check *Check `yaml:"check,omitempty" json:"check,omitempty"`
	// Gradual moves them in several steps, for caches; nil: in one.
	Gradual *Gradual `yaml:"gradual,omitempty" json:"gradual,omitempty"`
}

// Check is a request that every upstream of the idle colour has to answer well
// (2xx) so many times in a row.
type Check struct {
	Requests int           `yaml:"requests,omitempty" json:"requests"`
	Method   string        `yaml:"method,omitempty" json:"method"`
	Path     string        `yaml:"path" json:"path"`
	Body     string        `yaml:"body,omitempty" json:"body,omitempty"`
	Type     string        `yaml:"content_type,omitempty" json:"content_type,omitempty"`
	Timeout  time.Duration `yaml:"timeout,omitempty" json:"timeout"` // of each
}

// Gradual moves the traffic in equal steps over a time.
type Gradual struct {
	Over  time.Duration `yaml:"over" json:"over"`
	Steps int           `yaml:"steps,omitempty" json:"steps"`
}

// PromoteStep makes the candidate the registry's Production version.
type PromoteStep struct{}

// BakeStep keeps the previous version warm for Hold after the promotion.
type BakeStep struct {
	Hold time.Duration `yaml:"hold" json:"hold"`
}

func (s *Step) setDefaults() {
	if s.Deadline != 0 && s.OnDeadline == "" {
		s.OnDeadline = OnDeadlineHold
	}
	if x := s.Shadow; x != nil {
		fill(&x.Share, canary.Full)
		fill(&x.By, ByRequest)
	}
	if a := s.Approve; a != nil {
		fill(&a.Expires, DefaultExpires)
		fill(&a.Comment, CommentRequired)
		if a.NotAuthor == nil {
			yes := true
			a.NotAuthor = &yes
		}
	}
	if b := s.BlueGreen; b != nil {
		b.setDefaults()
	}
}

func (b *BlueGreenStep) setDefaults() {
	if c := b.Check; c != nil {
		fill(&c.Requests, DefaultChecks)
		fill(&c.Timeout, DefaultCheckTimeout)
		method := "GET"
		if c.Body != "" {
			method = "POST"
			fill(&c.Type, "application/json")
		}
		fill(&c.Method, method)
	}
	if b.Gradual != nil {
		fill(&b.Gradual.Steps, DefaultGradualSteps)
	}
}

func fill[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Kind names the step: shadow | approve | canary | bluegreen | promote | bake.
func (s Step) Kind() string {
	switch {
	case s.Shadow != nil:
		return "shadow"
	case s.Approve != nil:
		return "approve"
	case s.Canary != nil:
		return "canary"
	case s.BlueGreen != nil:
		return "bluegreen"
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
	case s.Shadow != nil:
		return s.Shadow.Hold
	case s.Canary != nil:
		return s.Canary.Hold
	case s.BlueGreen != nil && s.BlueGreen.Gradual != nil:
		return s.BlueGreen.Gradual.Over + s.BlueGreen.Hold
	case s.BlueGreen != nil:
		return s.BlueGreen.Hold
	case s.Bake != nil:
		return s.Bake.Hold
	}
	return 0
}

// Weight is the candidate's share in the step; everything once promoted. A step
// that waits for an approval has none of its own: Config.WeightAt says it.
func (s Step) Weight() canary.Weight {
	switch {
	case s.Canary != nil:
		return s.Canary.Weight
	case s.Shadow != nil, s.Approve != nil:
		return 0
	}
	return canary.Full
}

// WeightOf is the candidate's share in a step of the plan.
func (c Config) WeightOf(s Step) canary.Weight { return min(s.Weight(), canary.Full-c.Holdback) }

// WeightAt is the candidate's share in step i; one that waits for an approval
// keeps that of the step before it.
func (c Config) WeightAt(i int) canary.Weight {
	if i = c.EvidenceStep(i); i < 0 || i >= len(c.Plan) {
		return 0
	}
	return c.WeightOf(c.Plan[i])
}

// EvidenceStep is the step whose evidence goes on in step i: while an approval is
// waited for, or the registry told of a promotion, that of the step before it. A
// step of its own would have both arms for a moment, show nothing, and be what
// the bake carries.
func (c Config) EvidenceStep(i int) int {
	at := i
	for at > 0 && at < len(c.Plan) && c.Plan[at].passing() {
		at--
	}
	if at >= 0 && at < len(c.Plan) && c.Plan[at].passing() {
		return i // nothing came before
	}
	return at
}

// passing: the step has no evidence of its own.
func (s Step) passing() bool { return s.Approve != nil || s.Promote != nil }

// shadowAt says whether the candidate has copies and no users in step i.
func (c Config) shadowAt(i int) bool {
	i = c.EvidenceStep(i)
	return i >= 0 && i < len(c.Plan) && c.Plan[i].Shadow != nil
}
