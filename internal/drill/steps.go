package drill

import (
	"context"
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

// prepare gets the scratch model's versions into place, and the stand-ins to
// serve them.
func (r *run) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, prepareLimit)
	defer cancel()
	baseline, candidate, err := r.Registry.Scratch(ctx, r.rec.Scratch)
	if err != nil {
		return err
	}
	r.baseline.become(baseline)
	r.candidate.become(candidate)
	r.say("registry (%s): %s has version %s in Production, version %s goes on trial", r.rec.Mode, r.rec.Scratch, baseline, candidate)
	traffic := r.Traffic(r.proxy)
	return r.until(ctx, readyLimit, "health answers of the stand-ins", func() bool {
		h := traffic.Health(r.rec.Scratch)
		return h.Baseline.Version == baseline && h.Candidate.Version == candidate
	})
}

// start begins the rollout and sends made-up users, half of them to the
// candidate, all of them well.
func (r *run) start(ctx context.Context) error {
	v, err := r.ctl.Do(ctx, rollout.Command{
		Kind: rollout.Start, Version: *r.candidate.version.Load(), Baseline: *r.baseline.version.Load(),
		By: r.By, Reason: "drill", Again: true, Drill: true,
	})
	if err != nil {
		return err
	}
	r.rec.Rollout = v.ID
	r.desk.now.Store(&v.ID)
	r.users = newUsers(ctx, r.proxy.Addr().String())
	r.onClose(r.users.stop)
	r.say("scratch rollout %s sends half of the made-up users to version %s", v.ID, v.Candidate.Version)
	if err := r.whileAsked(ctx, "answers of the candidate", func() bool { return r.candidate.asked.Load() >= goodBefore }); err != nil {
		return err
	}
	if r.In != InBake {
		return nil
	}
	if err := r.whileAsked(ctx, "the promotion", func() bool { return r.ctl.View().Phase == rollout.Baking }); err != nil {
		return err
	}
	r.say("version %s is promoted, and has all made-up users", v.Candidate.Version)
	return nil
}

// whileAsked waits for something that needs the made-up users.
func (r *run) whileAsked(ctx context.Context, what string, ok func() bool) error {
	gone := func() bool {
		select {
		case <-r.users.ended:
			return true
		default:
			return false
		}
	}
	if err := r.until(ctx, trafficLimit, what, func() bool { return ok() || gone() }); err != nil {
		return err
	}
	if !ok() {
		return &late{fmt.Sprintf("%s did not come in %s of made-up traffic%s", what, trafficLimit, r.why())}
	}
	return nil
}

func (r *run) turnBad(ctx context.Context) error {
	if n := r.users.failed.Load(); n > 0 {
		return fmt.Errorf("%d requests failed before the candidate turned bad", n)
	}
	r.candidate.bad.Store(true)
	r.say("the candidate turns bad: every second answer fails")
	if err := r.whileAsked(ctx, "a failed answer", func() bool { return r.users.firstFailure.Load() != nil }); err != nil {
		return err
	}
	first := r.users.firstFailure.Load().UTC()
	r.rec.FirstFailureAt = &first
	return nil
}

func (r *run) awaitDecision(ctx context.Context) error {
	if err := r.whileAsked(ctx, "the decision to take the candidate back", func() bool { return r.ctl.View().Rollback != nil }); err != nil {
		return err
	}
	v := r.ctl.View()
	decided := v.Rollback.DecidedAt.UTC()
	r.rec.DecidedAt = &decided
	r.rec.Decided = v.Rollback.By + ": " + v.Rollback.Reason
	r.rec.Times.Detection = between(*r.rec.FirstFailureAt, decided)
	r.say("decided %s after the first failed answer, by %s", length(r.rec.Times.Detection), v.Rollback.By)
	return nil
}

// awaitTraffic does not believe the split alone: the last request that reached
// the candidate counts, and users go on asking for a moment.
func (r *run) awaitTraffic(ctx context.Context) error {
	if err := r.until(ctx, readyLimit, "the traffic being off", func() bool { return r.ctl.View().Rollback.TrafficAt != nil }); err != nil {
		return err
	}
	now := time.Now()
	r.users.off.Store(&now)
	if !rollout.Sleep(ctx, watchAfter) {
		return ctx.Err()
	}
	r.users.stop()
	off := *r.ctl.View().Rollback.TrafficAt
	if last := *r.candidate.lastAt.Load(); last.After(off) {
		off = last
	}
	r.rec.Times.TrafficOff = between(*r.rec.DecidedAt, off)
	r.rec.Traffic = r.users.traffic(r.candidate)
	r.say("traffic off the candidate %s after the decision", length(r.rec.Times.TrafficOff))
	switch t := r.rec.Traffic; {
	case t.FailedAfter > 0:
		r.miss("%d of %d requests failed after the traffic was off", t.FailedAfter, t.After)
	case t.After == 0:
		r.miss("no request was answered after the traffic was off")
	}
	return nil
}

func (r *run) awaitRegistry(ctx context.Context) error {
	err := r.until(ctx, r.Limits.Registry+grace, "the registry being right", func() bool { return r.ctl.View().Rollback.RegistryAt != nil })
	if err != nil {
		return err
	}
	v := r.ctl.View().Rollback
	r.rec.Times.Registry = between(*r.rec.DecidedAt, *v.RegistryAt)
	if v.Result != rollout.ResultDone {
		r.miss("the registry was left as %s", v.Result)
	}
	r.say("registry right %s after the decision", length(r.rec.Times.Registry))
	if err := r.until(ctx, grace, "the incident", func() bool { return !r.ctl.View().Phase.Live() }); err != nil {
		return err
	}
	r.rec.Times.Incident = between(*r.rec.DecidedAt, *r.ctl.View().Rollback.IncidentAt)
	r.say("incident %s written %s after the decision", r.rec.Rollout, length(r.rec.Times.Incident))
	return nil
}

// readBack asks the registry once more, beside the machinery that is practised.
func (r *run) readBack(ctx context.Context) error {
	wantBase, wantBack := *r.baseline.version.Load(), *r.candidate.version.Load()
	base, err := r.Registry.Baseline(ctx, r.rec.Scratch)
	if err != nil {
		return fmt.Errorf("read the registry back: %w", err)
	}
	back, err := r.Registry.Candidate(ctx, r.rec.Scratch, wantBack)
	if err != nil {
		return fmt.Errorf("read the registry back: %w", err)
	}
	r.rec.Registry = fmt.Sprintf("version %s in Production, version %s %s", base, back.Version, back.Stage)
	if base != wantBase || back.Stage != "Archived" {
		r.miss("the registry has %s; wanted version %s in Production and version %s Archived", r.rec.Registry, wantBase, wantBack)
	}
	return nil
}

// awaitTold lets webhooks be told; one that does not answer is tried again by
// the next drill and is no part of this one.
func (r *run) awaitTold(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	select {
	case <-r.desk.told:
	case <-ctx.Done():
		r.say("the webhooks were not told: see the server's log")
	}
	return nil
}

func (r *run) miss(format string, args ...any) {
	r.rec.Misses = append(r.rec.Misses, fmt.Sprintf(format, args...))
}

// between is a length in seconds, to the microsecond, never below 0: clocks of
// two goroutines may cross.
func between(from, to time.Time) *float64 {
	s := max(0, to.Sub(from)).Round(time.Microsecond).Seconds()
	return &s
}

func length(seconds *float64) time.Duration {
	return time.Duration(*seconds * float64(time.Second)).Round(time.Microsecond)
}
