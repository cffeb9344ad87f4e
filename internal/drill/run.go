package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
	"github.com/headgate/headgate/rollback"
)

// Times of a drill's own.
const (
	pollEvery    = 5 * time.Millisecond
	readyLimit   = 10 * time.Second // for the stand-ins to be probed
	prepareLimit = time.Minute      // for the registry to have the scratch model
	goodBefore   = 20               // answers of the candidate before it turns bad
	watchAfter   = 500 * time.Millisecond
	grace        = 15 * time.Second // beyond the limit, to learn how long it takes
	tellLimit    = 10 * time.Second
	endLimit     = 5 * time.Second // for a scratch rollout that is cut off
)

// run is one drill under way.
type run struct {
	Deps
	Order
	say func(format string, args ...any)
	rec Record

	baseline, candidate *standIn
	proxy               *proxy.Proxy
	ctl                 *rollout.Controller
	desk                *desk
	users               *users
	closers             []func()
}

func (r *run) all(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		r.build, r.tidy, r.prepare, r.start, r.turnBad, r.awaitDecision, r.awaitTraffic, r.awaitRegistry, r.readBack, r.awaitTold,
	} {
		if err := step(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("cut off: %w", err)
		}
	}
	return nil
}

func (r *run) onClose(f func()) { r.closers = append(r.closers, f) }

func (r *run) close() {
	for _, f := range slices.Backward(r.closers) {
		f()
	}
	r.closers = nil
}

// build makes what is private to the drill: stand-ins, proxy, controller.
func (r *run) build(ctx context.Context) error {
	for _, s := range []**standIn{&r.baseline, &r.candidate} {
		made, err := newStandIn()
		if err != nil {
			return err
		}
		*s = made
		r.onClose(made.close)
	}
	if err := r.buildProxy(); err != nil {
		return err
	}
	r.desk = newDesk(r.Desk, r.Model, r.Tell)
	r.ctl = rollout.NewController(r.rec.Scratch, r.plan(), r.PolicyHash, r.controllerDeps())
	if err := r.ctl.Restore(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wait sync.WaitGroup
	wait.Go(func() { r.ctl.Run(running) })
	r.onClose(func() { stop(); wait.Wait() })
	r.onClose(r.endRollout)
	return nil
}

func (r *run) buildProxy() error {
	arm := func(s *standIn) *proxy.ArmConfig {
		return &proxy.ArmConfig{Upstreams: []string{s.url}, VersionFrom: &proxy.VersionFrom{Path: "/health", Field: "version"}}
	}
	p, err := proxy.New(proxy.Config{
		Listen: "127.0.0.1:0",
		Routes: []proxy.Route{{Name: "drill", Model: r.rec.Scratch, Baseline: arm(r.baseline), Candidate: arm(r.candidate), Key: proxy.Key{Header: userHeader}}},
	}, proxy.Options{Log: r.Log.Named("proxy")})
	if err != nil {
		return fmt.Errorf("make the drill's own proxy: %w", err)
	}
	r.proxy = p
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := p.Serve(); err != nil {
			r.Log.Error("the drill's own proxy", "error", err)
		}
	})
	r.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			r.Log.Warn("stop the drill's own proxy", "error", err)
		}
		wait.Wait()
	})
	return nil
}

func (r *run) controllerDeps() rollout.Deps {
	return rollout.Deps{
		Log: r.Log, Clock: r.Clock, Random: r.Random, Journal: r.Journal, Traffic: r.Traffic(r.proxy),
		Registry: r.Registry, Reloader: nobody{}, Incidents: nobody{r},
		Executor: &rollback.Executor{
			Log: r.Log, Clock: r.Clock, Registry: r.Registry, Reloader: nobody{}, Desk: r.desk,
			Serves: func(string, string) bool { return false }, // nothing is reloaded in a drill
		},
	}
}

// nobody stands where a drill has nobody to ask or to tell.
type nobody struct{ of *run }

func (nobody) Reload(context.Context, string, string, rollout.AfterPromote) error {
	return errors.New("a drill's stand-ins have no reload hook")
}

func (n nobody) Raise(_, _ string, raised rollout.RaiseIncident, _ rollout.View) {
	n.of.Log.Warn("in a drill", "kind", raised.Kind, "message", raised.Message)
}

// tidy ends what an earlier drill left behind when it was cut off.
func (r *run) tidy(ctx context.Context) error {
	v := r.ctl.View()
	left := ""
	if v.Phase == rollout.None {
		id, err := r.Registry.Unfinished(ctx, r.rec.Scratch)
		var refused *rollout.Refusal
		if err != nil && (!errors.As(err, &refused) || refused.Code != rollout.UnknownModel) {
			return err
		}
		left = id
	}
	if !v.Phase.Live() && left == "" {
		return nil
	}
	r.say("ending what an earlier drill left: %s", v.ID+left)
	if err := r.takeBack(ctx); err != nil {
		return fmt.Errorf("end an earlier drill: %w", err)
	}
	return r.until(ctx, prepareLimit, "the end of an earlier drill", func() bool { return !r.ctl.View().Phase.Live() })
}

func (r *run) takeBack(ctx context.Context) error {
	if r.ctl.View().Phase == rollout.RollingBack {
		return nil
	}
	_, err := r.ctl.Do(ctx, rollout.Command{Kind: rollout.Rollback, By: r.By, Reason: "a drill was cut off", Force: true})
	return err
}

// endRollout takes a scratch rollout back that is still live. What the registry
// does not take in time stays in the journal for the next drill.
func (r *run) endRollout() {
	if !r.ctl.View().Phase.Live() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	err := r.takeBack(ctx)
	if err == nil {
		err = r.until(ctx, endLimit, "its end", func() bool { return !r.ctl.View().Phase.Live() })
	}
	if err != nil {
		r.Log.Warn("the drill's rollout is not ended yet, the next drill does it", "model", r.rec.Scratch, "error", err)
	}
}

// until waits for something that is seen by looking.
func (r *run) until(ctx context.Context, limit time.Duration, what string, ok func() bool) error {
	for end := time.Now().Add(limit); !ok(); {
		if time.Now().After(end) {
			return &late{fmt.Sprintf("%s did not come within %s%s", what, limit, r.why())}
		}
		if !rollout.Sleep(ctx, pollEvery) {
			return ctx.Err()
		}
	}
	return nil
}

// late is the error of what did not come. Once the candidate has turned bad it
// is what a drill is there to find.
type late struct{ what string }

func (l *late) Error() string { return l.what }

// why is what the scratch rollout says about itself when something is late.
func (r *run) why() string {
	v := r.ctl.View()
	if v.Registry.LastError != "" {
		return ": " + v.Registry.LastError
	}
	if v.Message != "" {
		return ": " + v.Message
	}
	return fmt.Sprintf(" (the scratch rollout is %s)", v.Phase)
}
