package proxy

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/canary"
)

// When the breaker opens and closes (statistics of a plainly dead arm; all
// else is the judge's business).
const (
	breakerLost     = 3  // requests in a row without an answer
	breakerFailed   = 20 // requests in a row that all failed
	breakerProbes   = 2  // failed probes in a row on every upstream
	breakerRecovery = 4  // passed probes in a row close it again
	// breakerRest is how long it stays open when requests that were sent have
	// opened it: a health answer says nothing about them. It is longer than the
	// 10 s after which a rollout takes its candidate back.
	breakerRest = 15 * time.Second
)

// breaker cuts an arm off that is plainly dead.
type breaker struct {
	open   atomic.Bool
	lost   atomic.Int32 // in a row
	failed atomic.Int32 // in a row
	now    func() time.Time

	mu     sync.Mutex
	state  BreakerState
	until  time.Time // it does not close earlier
	passes int

	changed chan struct{}
}

func newBreaker(model string, which canary.Arm) *breaker {
	return &breaker{now: time.Now, state: BreakerState{Model: model, Arm: which}, changed: make(chan struct{}, 1)}
}

func (b *breaker) isOpen() bool { return b.open.Load() }

// observe counts a request's outcome. It takes no lock unless the breaker
// opens, and writes nothing while all is well.
func (b *breaker) observe(r result) {
	switch {
	case r == resultGone || r == resultStreaming:
	case r.lost():
		lost, failed := b.lost.Add(1), b.failed.Add(1)
		if lost >= breakerLost {
			b.trip("3 requests in a row got no answer: "+r.String(), !r.nothingSent())
		} else if failed >= breakerFailed {
			b.trip("the last 20 requests all failed", true)
		}
	case r == resultStatus:
		b.lost.Store(0)
		if b.failed.Add(1) >= breakerFailed {
			b.trip("the last 20 requests all failed", true)
		}
	default:
		if b.failed.Load() != 0 {
			b.failed.Store(0)
		}
		if b.lost.Load() != 0 {
			b.lost.Store(0)
		}
	}
}

// probed takes the word of the probes about the whole arm.
func (b *breaker) probed(passed bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !passed {
		b.passes = 0
		return
	}
	if b.passes++; b.state.Open && b.passes >= breakerRecovery && !now.Before(b.until) {
		b.set(false, "", now)
	}
}

// trip opens the breaker. rest: not for the probes alone to close.
func (b *breaker) trip(reason string, rest bool) {
	if b.open.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state.Open {
		return
	}
	now := b.now()
	b.passes, b.until = 0, now
	if rest {
		b.until = now.Add(breakerRest)
	}
	b.set(true, reason, now)
}

// reset closes it for another rollout: what the candidate did before is not
// held against it.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state.Open {
		b.set(false, "", b.now())
	}
	b.lost.Store(0)
	b.failed.Store(0)
}

// setRole says as which arm the upstreams serve from now on.
func (b *breaker) setRole(which canary.Arm) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.Arm = which
}

// set changes the state; the lock is held.
func (b *breaker) set(open bool, reason string, now time.Time) {
	b.state.Open, b.state.Reason, b.state.Since = open, reason, now
	b.lost.Store(0)
	b.failed.Store(0)
	b.open.Store(open)
	select {
	case b.changed <- struct{}{}:
	default: // the announcement under way reads the newest state
	}
}

func (b *breaker) snapshot() BreakerState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// announce tells of changes, off the requests' path.
func (b *breaker) announce(ctx context.Context, tell func(BreakerState)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.changed:
			tell(b.snapshot())
		}
	}
}
