package judge

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// Defaults of the policy.
const (
	DefaultFalseRollback Rate = 0.01
	DefaultFalsePass     Rate = 0.05
	DefaultMinRequests        = 50
	DefaultShare              = 1.0
)

// What a gate does and when it counts.
const (
	ModeEnforce    = "enforce"
	ModeObserve    = "observe" // shown, never acted on
	OnFailRollback = "rollback"
	OnFailHold     = "hold"
	OnFailNotify   = "notify"
)

// GateConfig is one gate as written. Require is the limit to advance,
// RollbackWhen the limit to roll back; without the latter it is the negation of
// Require. A gate without Require is a guard: it never holds up an advance.
type GateConfig struct {
	Name         string `yaml:"name" json:"name"`
	Require      string `yaml:"require,omitempty" json:"require,omitempty"`
	RollbackWhen string `yaml:"rollback_when,omitempty" json:"rollback_when,omitempty"`
	// Expr is a condition that the grammar cannot say, instead of both: an
	// expression over the values measured in the step. No promise covers it.
	Expr string `yaml:"expr,omitempty" json:"expr,omitempty"`
	// For is how long Expr has to be true, or false, without a break.
	For     time.Duration `yaml:"for,omitempty" json:"for,omitempty"`
	Mode    string        `yaml:"mode,omitempty" json:"mode,omitempty"`       // enforce (default) | observe
	OnFail  string        `yaml:"on_fail,omitempty" json:"on_fail,omitempty"` // rollback (default) | hold | notify
	Message string        `yaml:"message,omitempty" json:"message,omitempty"`
	Share   float64       `yaml:"share,omitempty" json:"share,omitempty"` // of false_rollback, relative to the other gates; default 1
}

// Config is what the judge reads of a model's policy.
type Config struct {
	// FalseRollback is α: the chance that a candidate no worse than all its
	// limits is rolled back by a gate, over the whole rollout.
	FalseRollback Rate `yaml:"false_rollback,omitempty" json:"false_rollback"`
	// FalsePass is β: the chance, per gate and step, that a candidate beyond
	// its limit to advance passes.
	FalsePass Rate `yaml:"false_pass,omitempty" json:"false_pass"`
	// MinRequests must have been counted in a step, on each arm that its
	// require gates read, before the step can pass.
	MinRequests uint64       `yaml:"min_requests,omitempty" json:"min_requests"`
	Gates       []GateConfig `yaml:"gates" json:"gates"`
}

// SetDefaults fills in what the policy leaves out.
func (c *Config) SetDefaults() {
	if c.FalseRollback == 0 {
		c.FalseRollback = DefaultFalseRollback
	}
	if c.FalsePass == 0 {
		c.FalsePass = DefaultFalsePass
	}
	if c.MinRequests == 0 {
		c.MinRequests = DefaultMinRequests
	}
	for i := range c.Gates {
		c.Gates[i].setDefaults()
	}
}

func (g *GateConfig) setDefaults() {
	if g.Mode == "" {
		g.Mode = ModeEnforce
	}
	if g.OnFail == "" {
		g.OnFail = OnFailRollback
		if g.Expr != "" {
			g.OnFail = OnFailHold
		}
	}
	if g.Share == 0 {
		g.Share = DefaultShare
	}
}

// canRollBack says whether a failure of the gate takes the candidate back.
func (g GateConfig) canRollBack() bool {
	return (g.Mode == "" || g.Mode == ModeEnforce) && (g.OnFail == "" && g.Expr == "" || g.OnFail == OnFailRollback)
}

// spends says whether the gate takes a part of false_rollback: an expression
// that rolls back is outside of the promise.
func (g GateConfig) spends() bool { return g.canRollBack() && g.Expr == "" }

// holdFor is how long an expression has to stay what it is.
func (g GateConfig) holdFor() time.Duration {
	if g.For == 0 {
		return DefaultFor
	}
	return g.For
}

// conditions parses the gate. require is nil for a guard.
func (g GateConfig) conditions() (require *Condition, rollback Condition, err error) {
	if g.Expr != "" {
		return nil, Condition{KPI: "expr", Text: g.Expr, subject: subject{name: "expr", family: freedom}}, nil
	}
	if g.Require != "" {
		c, err := ParseCondition(g.Require)
		if err != nil {
			return nil, Condition{}, err
		}
		require, rollback = &c, c.negated()
	}
	if g.RollbackWhen != "" {
		rollback, err = ParseCondition(g.RollbackWhen)
		if rollback.subject.either { // what takes back is the bad direction
			rollback.subject.more = !rollback.subject.more
		}
	}
	return require, rollback, err
}

// CanRollBack says whether any gate can take a candidate back.
func (c Config) CanRollBack() bool {
	for _, g := range c.Gates {
		if g.canRollBack() {
			return true
		}
	}
	return false
}

// alpha returns the false rollback probability spent on gate i: its share among
// the gates that can roll back (Bonferroni). A gate that cannot spends nothing
// of it and is tested at the whole.
func (c Config) alpha(i int) float64 {
	if !c.Gates[i].spends() {
		return float64(c.FalseRollback)
	}
	var sum float64
	for _, g := range c.Gates {
		if g.spends() {
			sum += g.share()
		}
	}
	return float64(c.FalseRollback) * c.Gates[i].share() / sum
}

func (g GateConfig) share() float64 {
	if g.Share == 0 {
		return DefaultShare
	}
	return g.Share
}

// Thresholds lists the latencies that the gates count at, for kpi.NewLayout. A
// limit relative to the baseline may be counted at any edge of the grid, moved
// by its margin.
func (c Config) Thresholds() []time.Duration {
	var out []time.Duration
	for _, g := range c.Gates {
		require, rollback, err := g.conditions()
		if err != nil {
			continue // Validate reports it
		}
		if require != nil {
			out = append(out, require.thresholds()...)
		}
		out = append(out, rollback.thresholds()...)
	}
	return out
}

func (c Condition) thresholds() []time.Duration {
	switch {
	case c.subject.family != tail || c.subject.unit != duration || c.marginless():
		return nil
	case !c.Baseline:
		return []time.Duration{seconds(c.Offset)}
	}
	var out []time.Duration
	for _, edge := range kpi.Grid() {
		if moved := c.moved(edge); moved > 0 {
			out = append(out, moved)
		}
	}
	return out
}

// moved is the candidate's threshold for the baseline's.
func (c Condition) moved(baseline time.Duration) time.Duration {
	return time.Duration(math.Round(float64(baseline)*c.Factor)) + seconds(c.Offset)
}
