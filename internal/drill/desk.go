package drill

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/headgate/headgate/rollback"
)

// titlePrefix opens the title of every incident of a drill.
const titlePrefix = "DRILL, no user was affected: "

// desk keeps the incident of a drill where the model's own incidents are kept,
// and says in its title what it is. Nobody is told of it unless they are to be.
type desk struct {
	rollback.Desk
	model string // whose incidents' places are used
	tell  bool
	now   atomic.Pointer[string] // the rollout under way: no other is told of
	once  sync.Once
	told  chan struct{}
}

func newDesk(d rollback.Desk, model string, tell bool) *desk {
	return &desk{Desk: d, model: model, tell: tell, told: make(chan struct{})}
}

func (d *desk) Keep(ctx context.Context, _ string, in rollback.Incident) error {
	return d.Desk.Keep(ctx, d.model, marked(in))
}

func (d *desk) Tell(ctx context.Context, _ string, in rollback.Incident) error {
	if id := d.now.Load(); id == nil || *id != in.Rollout {
		return nil
	}
	if d.tell {
		if err := d.Desk.Tell(ctx, d.model, marked(in)); err != nil {
			return err
		}
	}
	if in.Registry.Result != rollback.ResultPending {
		d.once.Do(func() { close(d.told) })
	}
	return nil
}

func marked(in rollback.Incident) rollback.Incident {
	in.Title = titlePrefix + in.Title
	return in
}
