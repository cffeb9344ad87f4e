package shadow

import (
	"context"

	"go.uber.org/ratelimit"
)

// pace spreads the copies over time. Take of ratelimit sleeps and cannot be
// woken, so one worker at a time is in it, for 1/rate at most, and the others
// wait where they can be.
type pace struct {
	limiter ratelimit.Limiter // nil: as they come
	turn    chan struct{}
}

func newPace(perSecond int) *pace {
	p := &pace{turn: make(chan struct{}, 1)}
	if perSecond > 0 {
		p.limiter = ratelimit.New(perSecond)
	}
	return p
}

// take waits for the next copy's moment; false when ctx ends.
func (p *pace) take(ctx context.Context) bool {
	if p.limiter == nil {
		return ctx.Err() == nil
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	p.limiter.Take()
	<-p.turn
	return ctx.Err() == nil
}
