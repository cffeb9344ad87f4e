package kpi

import (
	"fmt"
	"slices"
	"time"
)

// Defaults of the policy.
const (
	DefaultFavourable  = 0.5
	DefaultRepeatEvery = 10 * time.Minute
	DefaultKeep        = 200_000
	maxInputs          = 32
	maxKeep            = 20_000_000 // 1.2 GB
)

// Kinds of outcomes.
const (
	Click      = "click"
	Conversion = "conversion"
	Label      = "label"
	Value      = "value"
)

// DefaultWindows says how long after the answer an outcome of a kind counts.
func DefaultWindows() map[string]time.Duration {
	return map[string]time.Duration{Click: 30 * time.Minute, Conversion: 24 * time.Hour, Label: 24 * time.Hour, Value: 24 * time.Hour}
}

// Config says what of the payloads and the outcomes of a model is counted.
type Config struct {
	// Inputs are the features whose distribution is compared between the arms.
	Inputs []Input `yaml:"inputs,omitempty" json:"inputs,omitempty"`
	// Score is the range of the model's scores; nil: 0 to 1.
	Score *Scale `yaml:"score,omitempty" json:"score,omitempty"`
	// Favourable is the score (the prediction, of a model without scores) from
	// which on an answer is favourable for the user; nil: 0.5.
	Favourable *float64 `yaml:"favourable,omitempty" json:"favourable,omitempty"`
	// Outcomes says what is joined with what was served, and for how long.
	Outcomes *Outcomes `yaml:"outcomes,omitempty" json:"outcomes,omitempty"`
	// RepeatEvery is how often a user's outcome counts again for the watch over
	// failures that begin after every user was counted.
	RepeatEvery time.Duration `yaml:"repeat_every,omitempty" json:"repeat_every,omitempty"`
}

// Input is one feature of the requests.
type Input struct {
	Name string `yaml:"name" json:"name"`
	// Feature is its place in a row of features, or its column's name.
	Feature string `yaml:"feature" json:"feature"`
	Scale   `yaml:",inline"`
}

// Outcomes are what becomes known later about a request.
type Outcomes struct {
	// Windows by kind: an outcome that comes later is not counted. Only the
	// kinds named here are joined.
	Windows map[string]time.Duration `yaml:"windows,omitempty" json:"windows,omitempty"`
	// Keep is the most requests that wait for their outcomes at the same time.
	Keep int `yaml:"keep,omitempty" json:"keep,omitempty"`
}

// SetDefaults fills in what the policy leaves out.
func (c *Config) SetDefaults() {
	if c.RepeatEvery == 0 {
		c.RepeatEvery = DefaultRepeatEvery
	}
	if c.Outcomes != nil && c.Outcomes.Keep == 0 {
		c.Outcomes.Keep = DefaultKeep
	}
}

// Validate reports what is wrong, each with its path, the value and what was
// wanted.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	if len(c.Inputs) > maxInputs {
		report("inputs", len(c.Inputs), fmt.Sprintf("at most %d inputs", maxInputs))
	}
	names := map[string]bool{}
	for i, in := range c.Inputs {
		at := fmt.Sprintf("inputs[%d]", i)
		if in.Name == "" || names[in.Name] {
			report(at+".name", in.Name, "a name of its own")
		}
		names[in.Name] = true
		if in.Feature == "" {
			report(at+".feature", in.Feature, "the feature's place in a row, such as 3, or its column's name")
		}
		in.Scale.Validate(func(_ string, value any, wanted string) { report(at, value, wanted) })
	}
	if c.Score != nil {
		c.Score.Validate(func(_ string, value any, wanted string) { report("score", value, wanted) })
	}
	if c.RepeatEvery < 0 {
		report("repeat_every", c.RepeatEvery, "a duration above 0s")
	}
	if c.Outcomes != nil {
		c.Outcomes.validate(report)
	}
}

func (o Outcomes) validate(report func(path string, value any, wanted string)) {
	if len(o.Windows) == 0 {
		report("outcomes.windows", nil, "at least one kind with its window, such as `click: 30m`")
	}
	for kind, window := range o.Windows {
		if !slices.Contains([]string{Click, Conversion, Label, Value}, kind) {
			report("outcomes.windows", kind, "click, conversion, label or value")
		}
		if window <= 0 {
			report("outcomes.windows."+kind, window, "a duration above 0s")
		}
	}
	if o.Keep < 1 || o.Keep > maxKeep {
		report("outcomes.keep", o.Keep, fmt.Sprintf("a number of requests from 1 to %d", maxKeep))
	}
}

// scale of the scores.
func (c Config) scale() Scale {
	if c.Score != nil {
		return *c.Score
	}
	return Unit()
}

// favourable is the limit of a favourable answer.
func (c Config) favourable() float64 {
	if c.Favourable != nil {
		return *c.Favourable
	}
	return DefaultFavourable
}
