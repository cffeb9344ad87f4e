package main

import (
	"context"
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

// rounds switches there and back while users are served; every third way back,
// from the second on, is a gate's.
func (s *scene) rounds(ctx context.Context, n int, settle time.Duration, progress func(string)) (all []swap, err error) {
	for i := 1; i <= n; i++ {
		over, back, err := s.round(ctx, i, settle)
		if err != nil {
			return all, fmt.Errorf("round %d: %w", i, err)
		}
		all = append(all, over, back)
		progress(fmt.Sprintf("round %d of %d: there, and back by %s", i, n, back.what))
	}
	return all, nil
}

func (s *scene) round(ctx context.Context, i int, settle time.Duration) (over, back swap, err error) {
	time.Sleep(settle)
	over = swap{round: i, what: "start", from: blue, to: green, asked: now()}
	if err := s.start(ctx); err != nil {
		return over, back, err
	}
	v, err := s.switched(ctx)
	if err != nil {
		return over, back, err
	}
	over.decided, over.checked = onClock(*v.Step.Colour.At), time.Duration(s.green.checked.Load())
	time.Sleep(settle)
	back = swap{round: i, what: "rollback", from: green, to: blue, asked: now()}
	over.until = back.asked
	if i%3 == 2 {
		back.what = "gate"
		s.green.takes.Store(int64(s.limit * 3 / 2))
	} else if err := s.back(ctx); err != nil {
		return over, back, err
	} else {
		back.answered = now()
	}
	if v, err = s.restored(ctx); err != nil {
		return over, back, err
	}
	s.green.takes.Store(0)
	cause := rollout.CauseOperator
	if back.what == "gate" {
		cause = rollout.CauseGate
	}
	if v.Cause != cause || v.Rollback == nil || v.Rollback.TrafficAt == nil {
		return over, back, fmt.Errorf("taken back by %q, wanted %q, with its times: %+v", v.Cause, cause, v.Rollback)
	}
	back.decided = onClock(v.Rollback.DecidedAt)
	back.own = v.Rollback.TrafficAt.Sub(v.Rollback.DecidedAt)
	time.Sleep(time.Second)
	back.until = now()
	return over, back, nil
}
