package drill

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
	"github.com/headgate/headgate/rollback"
)

// scratchPrefix opens the name of the model that a drill uses in the registry.
const scratchPrefix = "headgate-drill-"

// Scratch is the name of the model that drills of a model use in the registry.
func Scratch(model string) string { return scratchPrefix + model }

// Registry is what a drill needs of the registry: all that a rollout and its
// rollback need, and the scratch model.
type Registry interface {
	rollout.Registry
	rollback.Registry
	// Scratch makes a scratch model ready: one version in Production, one in Staging.
	Scratch(ctx context.Context, model string) (baseline, candidate string, err error)
}

// Deps is what a drill is connected to. Journal, Registry and Desk are the
// server's own: they are what is practised.
type Deps struct {
	Log      hclog.Logger
	Clock    rollout.Clock
	Random   io.Reader
	Journal  rollout.Journal
	Registry Registry
	Desk     rollback.Desk
	// Traffic lets the drill's controller steer the drill's own proxy.
	Traffic func(*proxy.Proxy) rollout.Traffic
}

// Order is one drill.
type Order struct {
	ID, Model, By, Reason string
	In                    Moment
	// Tell sends the incident to the model's webhooks too.
	Tell bool
	// FalseRollback is the model's own: it decides how much evidence is needed.
	FalseRollback judge.Rate
	PolicyHash    string
	Limits        Config
}

// Run holds one drill and returns what is to be recorded, however it ends; say
// is told what happens. When it returns, nothing of it runs or listens any more.
// A scratch rollout that could not be ended is ended by the next drill.
func Run(ctx context.Context, d Deps, o Order, say func(format string, args ...any)) Record {
	r := &run{
		Deps: d, Order: o, say: say,
		rec: Record{
			Kind: "drill", ID: o.ID, Model: o.Model, Scratch: Scratch(o.Model), In: o.In, By: o.By, Reason: o.Reason,
			Mode: d.Registry.Mode(), PolicyHash: o.PolicyHash, BeganAt: d.Clock().UTC(), Limits: o.Limits.Limits(),
		},
	}
	err := r.all(ctx)
	r.close()
	r.rec.EndedAt = d.Clock().UTC()
	r.judge(err)
	return r.rec
}

// judge says how it ended.
func (r *run) judge(err error) {
	rec := &r.rec
	var overdue *late
	if errors.As(err, &overdue) && rec.FirstFailureAt != nil {
		rec.Misses, err = append(rec.Misses, overdue.what), nil
	}
	if err != nil {
		rec.Result, rec.Problem = Failed, err.Error()
		var refused *rollout.Refusal
		if errors.As(err, &refused) {
			rec.Code, rec.Hint = refused.Code, refused.Hint
		}
		return
	}
	rec.Misses = append(rec.Misses, rec.Times.over(rec.Limits)...)
	rec.Result = Met
	if len(rec.Misses) > 0 {
		rec.Result = Missed
	}
}

// plan is what a drill's rollout does: half of the made-up users get the
// candidate, and for InBake it is promoted at once.
func (o Order) plan() rollout.Config {
	const (
		half  = 5000 // of 10000
		short = time.Second
		long  = time.Hour // longer than any drill
	)
	none := time.Duration(0)
	c := rollout.Config{WarmUp: &none}
	c.FalseRollback = o.FalseRollback
	c.MinRequests = 20
	c.Gates = []judge.GateConfig{{Name: "errors", RollbackWhen: "error_rate > 5%"}}
	first := rollout.Step{Canary: &rollout.CanaryStep{Weight: half, Hold: long}}
	c.Plan = []rollout.Step{first}
	if o.In == InBake {
		first.Canary.Hold = short
		c.Plan = []rollout.Step{first, {Promote: &rollout.PromoteStep{}}, {Bake: &rollout.BakeStep{Hold: long}}}
	}
	c.SetDefaults()
	return c
}
