package rollout

import (
	"context"
	"errors"
	"time"
)

// Back-off of registry work: doubling, for ever.
const (
	retryFirst = time.Second
	retryMost  = 30 * time.Second
)

// carryOut starts what a decision asked for beyond traffic and journal. Work
// on the registry runs beside the judge, which never waits for it.
func (c *Controller) carryOut(effects []Effect, turned bool) {
	for _, e := range effects {
		switch e := e.(type) {
		case Record:
		case BeginStep:
			if c.evidence != nil {
				if !turned { // what came since then is the new step's
					c.closeStratum(c.evidence, c.evidence.recorder.Snapshot())
				}
				c.evidence.beginStep(e.Step)
			}
		case RaiseIncident:
			c.Incidents.Raise(c.model, c.state.ID, e, c.View())
		case BeginInRegistry, PromoteInRegistry, ReloadBaseline, FinishInRegistry, ExecuteRollback, CheckIdle:
			c.start(e)
		}
	}
}

// start runs one job on the registry's side; a new one ends the one before: a
// rollback must not wait for a promotion that hangs. Before Run it is put off.
func (c *Controller) start(e Effect) {
	if c.ctx == nil {
		return // takeUp starts what the state asks for
	}
	if c.cancelJob != nil {
		c.cancelJob()
	}
	ctx, cancel := context.WithCancel(c.ctx)
	c.cancelJob = cancel
	state := c.state
	c.jobs.Go(func() {
		defer cancel()
		switch e := e.(type) {
		case BeginInRegistry:
			c.begin(ctx, state)
		case PromoteInRegistry:
			c.promote(ctx, state.Binding)
		case ReloadBaseline:
			c.reload(ctx, state.Candidate, *state.Policy.hook())
		case CheckIdle:
			c.checkIdle(ctx, state.Policy.Plan[e.Step], e.Step)
		case FinishInRegistry:
			c.finish(ctx, state.Binding, e.Status)
		case ExecuteRollback:
			c.Executor.Execute(ctx, Job{State: state, Hook: state.Policy.hook()}, c.post)
		}
	})
}

// takeUp starts the job that the restored state is waiting for.
func (c *Controller) takeUp() {
	switch s := c.state; {
	case s.Phase == Pending:
		c.start(BeginInRegistry{})
	case s.Phase == RollingBack, s.Phase == RolledBack && s.Order != nil && s.Order.MessagesAt == nil:
		c.start(ExecuteRollback{})
	case s.Phase == Promoted && s.Owed.Pending:
		c.start(FinishInRegistry{Status: string(Promoted)})
	}
}

func (c *Controller) begin(ctx context.Context, s State) {
	c.retry(ctx, func() error {
		b, err := c.Registry.Begin(ctx, s)
		var refused *Refusal
		switch {
		case errors.As(err, &refused) && refused.Code != Unreachable:
			c.post(BeginRefused{Why: refused.Error()})
			return nil
		case err != nil:
			return err
		}
		c.post(Began{Binding: b})
		return nil
	})
}

func (c *Controller) promote(ctx context.Context, b Binding) {
	c.retry(ctx, func() error {
		out, err := c.Registry.Promote(ctx, b)
		if err == nil {
			c.post(PromotionEnded{Outcome: out})
		}
		return err
	})
}

func (c *Controller) finish(ctx context.Context, b Binding, status string) {
	c.retry(ctx, func() error {
		err := c.Registry.Finish(ctx, b, status)
		if err == nil {
			c.post(Finished{})
		}
		return err
	})
}

// reload calls the hook until every upstream took it. That they serve the new
// version is seen by the probes, not believed.
func (c *Controller) reload(ctx context.Context, version string, hook AfterPromote) {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		err := c.Reloader.Reload(ctx, c.model, version, hook)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			c.post(ReloadEnded{})
			return
		}
		c.post(ReloadEnded{Error: err.Error()})
		if !Sleep(ctx, wait) {
			return
		}
	}
}

// retry repeats work on the registry until it is done or ctx ends, and tells
// the state what is owed meanwhile.
func (c *Controller) retry(ctx context.Context, work func() error) {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		err := work()
		if err == nil || ctx.Err() != nil {
			return
		}
		c.post(RegistryFailed{Error: err.Error(), NextTry: c.Clock().Add(wait)})
		if !Sleep(ctx, wait) {
			return
		}
	}
}

// Sleep waits for d; false when ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
