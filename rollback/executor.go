package rollback

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/headgate/headgate/internal/rollout"
)

// Times of the executor's own.
const (
	retryFirst       = time.Second
	retryMost        = 30 * time.Second
	incidentPatience = 5 * time.Second        // people are told even when the registry is not yet
	annotateTries    = 3                      // evidence in the registry is a courtesy, never a hold-up
	servedEvery      = 250 * time.Millisecond // how often the baseline's probes are read
)

// Registry is the part of the registry a rollback speaks to; every call can be
// repeated.
type Registry interface {
	Restore(ctx context.Context, b rollout.Binding, by string) (rollout.Outcome, error)
	Annotate(ctx context.Context, b rollout.Binding, in Incident) error
	Finish(ctx context.Context, b rollout.Binding, status string) error
}

// Desk keeps incidents and tells people. Both are idempotent by the incident's id.
type Desk interface {
	// Keep writes the incident where it stays (files).
	Keep(ctx context.Context, model string, in Incident) error
	// Tell sends it to everyone who wants to know (webhooks).
	Tell(ctx context.Context, model string, in Incident) error
}

// Reloader has the baseline's upstreams load a version.
type Reloader interface {
	Reload(ctx context.Context, model, version string, hook rollout.AfterPromote) error
}

// Executor carries orders out. One value serves all models.
type Executor struct {
	Log      hclog.Logger
	Clock    rollout.Clock
	Registry Registry
	Reloader Reloader
	Desk     Desk
	// Serves reports whether the baseline's upstreams of a model serve a version.
	Serves func(model, version string) bool
}

var _ rollout.Executor = (*Executor)(nil)

// Execute does what the order still lacks and reports each step; it returns
// when all is done or ctx ends.
func (x *Executor) Execute(ctx context.Context, job rollout.Job, report func(rollout.Event)) {
	r := &run{Executor: x, ctx: ctx, job: job, order: *job.State.Order, report: report}
	r.all()
}

// run is one order on its way.
type run struct {
	*Executor
	ctx    context.Context
	job    rollout.Job
	order  rollout.Order
	report func(rollout.Event)

	mu      sync.Mutex // guards order against the early ticket, and trouble
	trouble string     // what the registry's last error was
}

func (r *run) all() {
	done := r.ticketEarly()
	defer done()
	keep := func() bool { done(); return r.keep() }
	for _, step := range []func() bool{r.restore, r.returnTraffic, r.annotate, r.finish, keep, r.tell} {
		if !step() || r.ctx.Err() != nil {
			return
		}
	}
}

// ticketEarly leaves the ticket, and tells people, when the registry takes
// longer than they should wait for it, be it down or slow. done ends that, and
// returns when nothing of it is under way.
func (r *run) ticketEarly() (done func()) {
	if r.job.State.Phase == rollout.RolledBack {
		return func() {}
	}
	ctx, cancel := context.WithCancel(r.ctx)
	var wait sync.WaitGroup
	wait.Go(func() {
		for rollout.Sleep(ctx, incidentPatience) {
			in := r.pendingIncident()
			if err := r.Desk.Keep(ctx, r.job.State.Model, in); err != nil {
				r.Log.Error("incident not kept yet", "rollout", r.order.ID, "error", err)
				continue
			}
			if err := r.Desk.Tell(ctx, r.job.State.Model, in); err != nil {
				r.Log.Warn("told of the incident only when the registry is right", "rollout", r.order.ID, "error", err)
			}
			return
		}
	})
	return func() { cancel(); wait.Wait() }
}

// pendingIncident is the incident before the registry is known to be right.
func (r *run) pendingIncident() Incident {
	in := r.incident()
	r.mu.Lock()
	defer r.mu.Unlock()
	if in.Registry.Result == "" {
		in.Registry.Result, in.Registry.Found = ResultPending, cmp.Or(r.trouble, "the registry has not answered yet")
	}
	return in
}

// note changes the order.
func (r *run) note(change func(*rollout.Order)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.order)
}

// restore puts the registry right: the baseline back, the candidate archived,
// a person's change left alone.
func (r *run) restore() bool {
	if r.order.RegistryAt != nil {
		return true
	}
	return r.retry(func() error {
		out, err := r.restoreOnce()
		if err != nil {
			r.mu.Lock()
			r.trouble = err.Error()
			r.mu.Unlock()
			return err
		}
		at := r.Clock().UTC()
		r.note(func(o *rollout.Order) {
			o.RegistryAt, o.Result, o.Found, o.Actions = &at, out.Result, out.Found, out.Actions
		})
		r.report(rollout.Progress{Outcome: &out, RegistryAt: &at})
		return nil
	})
}

// restoreOnce does nothing for a rollout that the registry never got to know.
func (r *run) restoreOnce() (rollout.Outcome, error) {
	if r.order.Phase == rollout.Pending {
		return rollout.Outcome{Result: rollout.ResultDone, Found: "nothing had been changed: the rollout had not begun"}, nil
	}
	return r.Registry.Restore(r.ctx, r.job.State.Binding, string(r.order.Cause)+": "+r.order.By)
}

// returnTraffic waits for the baseline's upstreams to serve the baseline again,
// where they had gone on to the candidate's version.
func (r *run) returnTraffic() bool {
	if !r.order.RegistryFirst || r.order.Restored || r.order.Result != rollout.ResultDone {
		return true
	}
	s := r.job.State
	if r.job.Hook != nil {
		if !r.retry(func() error { return r.Reloader.Reload(r.ctx, s.Model, s.Baseline, *r.job.Hook) }) {
			return false
		}
	}
	for !r.Serves(s.Model, s.Baseline) {
		if !rollout.Sleep(r.ctx, servedEvery) {
			return false
		}
	}
	at := r.Clock().UTC()
	r.note(func(o *rollout.Order) { o.Restored, o.TrafficAt = true, &at })
	r.report(rollout.Progress{Restored: true})
	return true
}

func (r *run) annotate() bool {
	if r.order.Phase == rollout.Pending || r.job.State.Phase == rollout.RolledBack {
		return true
	}
	for range annotateTries {
		err := r.Registry.Annotate(r.ctx, r.job.State.Binding, r.incident())
		if err == nil {
			return true
		}
		r.Log.Warn("evidence not kept in the registry", "rollout", r.order.ID, "error", err)
		if !rollout.Sleep(r.ctx, retryFirst) {
			return false
		}
	}
	return true
}

func (r *run) finish() bool {
	if r.job.State.Phase == rollout.RolledBack {
		return true
	}
	return r.retry(func() error {
		return r.Registry.Finish(r.ctx, r.job.State.Binding, string(rollout.RolledBack))
	})
}

func (r *run) keep() bool {
	if r.job.State.Phase == rollout.RolledBack {
		return true
	}
	return r.retry(func() error {
		at := r.Clock().UTC()
		r.note(func(o *rollout.Order) { o.IncidentAt = &at })
		if err := r.Desk.Keep(r.ctx, r.job.State.Model, r.incident()); err != nil {
			return fmt.Errorf("keep the incident: %w", err)
		}
		r.report(rollout.Progress{IncidentAt: &at, Finished: true})
		return nil
	})
}

// tell goes on after the rollout is rolled back: a dead webhook holds nobody up.
func (r *run) tell() bool {
	return r.retryQuietly(func() error {
		if err := r.Desk.Tell(r.ctx, r.job.State.Model, r.incident()); err != nil {
			return fmt.Errorf("tell of the incident: %w", err)
		}
		at := r.Clock().UTC()
		r.report(rollout.Progress{MessagesAt: &at})
		return nil
	})
}

// retry repeats a step until it is done or the process stops, and says what is
// owed meanwhile.
func (r *run) retry(work func() error) bool {
	return r.repeat(work, func(err error, next time.Time) {
		r.report(rollout.RegistryFailed{Error: err.Error(), NextTry: next})
	})
}

func (r *run) retryQuietly(work func() error) bool {
	return r.repeat(work, func(err error, next time.Time) {
		r.Log.Warn("tried again", "rollout", r.order.ID, "error", err, "next", next)
	})
}

func (r *run) repeat(work func() error, failed func(error, time.Time)) bool {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		err := work()
		if err == nil {
			return true
		}
		if r.ctx.Err() != nil {
			return false
		}
		failed(err, r.Clock().Add(wait))
		if !rollout.Sleep(r.ctx, wait) {
			return false
		}
	}
}
