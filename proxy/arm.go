package proxy

import (
	"context"
	"iter"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/canary"
)

// arm is one arm of a route: its upstreams, its breaker and the goroutines
// that probe them. It outlives a reload that does not change it, and a swap of
// the roles: which role it has is the table's to say.
type arm struct {
	config    ArmConfig
	settings  UpstreamConfig
	upstreams []*upstream
	breaker   *breaker
	turn      atomic.Uint32
	urgent    atomic.Bool // a candidate with weight is probed more often

	stop context.CancelFunc
	done sync.WaitGroup
}

// upstream is one backend of an arm.
type upstream struct {
	url    string
	dialer *dialer
	pool   *pool
	probe  *probe
}

// newArm makes an arm and starts to probe it. announce is called from a
// goroutine of the arm when its breaker opens or closes.
func newArm(which canary.Arm, model string, c ArmConfig, s UpstreamConfig, announce func(BreakerState)) (*arm, error) {
	a := &arm{config: c, settings: s, breaker: newBreaker(model, which)}
	for _, url := range c.Upstreams {
		u, err := newUpstream(url, c.VersionFrom, s)
		if err != nil {
			return nil, err
		}
		a.upstreams = append(a.upstreams, u)
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	for _, u := range a.upstreams {
		a.done.Go(func() { u.probe.run(ctx, a.interval, a.judgeProbes) })
	}
	a.done.Go(func() { a.breaker.announce(ctx, announce) })
	return a, nil
}

func newUpstream(url string, from *VersionFrom, s UpstreamConfig) (*upstream, error) {
	address, err := upstreamAddress(url)
	if err != nil {
		return nil, err
	}
	d, err := newDialer(address, s.Connect)
	if err != nil {
		return nil, err
	}
	u := &upstream{url: url, dialer: d, probe: newProbe(url, address, from, d, s)}
	u.pool = newPool(s, func(deadline time.Time) (*upConn, error) {
		conn, err := d.dial(context.Background(), deadline)
		if err != nil {
			return nil, err
		}
		return newUpConn(u.pool, conn), nil
	})
	return u, nil
}

// sameAs says whether the arm can serve another configuration unchanged.
func (a *arm) sameAs(c ArmConfig, s UpstreamConfig) bool {
	return a.settings == s && reflect.DeepEqual(a.config, c)
}

// inTurn yields the upstreams, another one first each time, those whose probes
// fail last.
func (a *arm) inTurn() iter.Seq[*upstream] {
	return func(yield func(*upstream) bool) {
		n := uint32(len(a.upstreams))
		first := uint32(0)
		if n > 1 {
			first = a.turn.Add(1)
		}
		for _, down := range []bool{false, true} {
			for i := range n {
				u := a.upstreams[(first+i)%n]
				if u.probe.down() == down && !yield(u) {
					return
				}
			}
		}
	}
}

// setUrgent says whether users depend on the probes of this arm.
func (a *arm) setUrgent(urgent bool) {
	if a.urgent.Swap(urgent) != urgent {
		for _, u := range a.upstreams {
			u.probe.hurry()
		}
	}
}

// Probes of an arm.
const (
	probeUrgent = 250 * time.Millisecond // a candidate with weight
	probeCalm   = 2 * time.Second        // what serving truth needs
)

func (a *arm) interval() time.Duration {
	if a.urgent.Load() {
		return probeUrgent
	}
	return probeCalm
}

// judgeProbes tells the breaker what the probes say together: an arm is down
// when every upstream is.
func (a *arm) judgeProbes(now time.Time) {
	for _, u := range a.upstreams {
		if !u.probe.down() {
			a.breaker.probed(u.probe.passed(), now)
			return
		}
	}
	a.breaker.probed(false, now)
	a.breaker.trip("two probes in a row have failed on every upstream", false)
}

// health is what is known, from memory.
func (a *arm) health() ArmHealth {
	h := ArmHealth{Total: len(a.upstreams), Verifiable: a.config.VersionFrom != nil, Breaker: a.breaker.snapshot()}
	agree := true
	for _, u := range a.upstreams {
		s := u.probe.health()
		h.Upstreams = append(h.Upstreams, s)
		if !s.Up {
			continue
		}
		h.Up++
		switch {
		case s.Version == "":
			agree = false
		case h.Version == "":
			h.Version = s.Version
		case h.Version != s.Version:
			agree = false
		}
	}
	h.Agree = agree && h.Version != ""
	if !h.Agree {
		h.Version = ""
	}
	return h
}

// sweep looks after the connections; flush lets names be looked up again.
func (a *arm) sweep(now time.Time) {
	for _, u := range a.upstreams {
		u.pool.sweep(now, clientPatience)
	}
}

func (a *arm) flush() {
	for _, u := range a.upstreams {
		u.dialer.flush()
	}
}

// abort ends the requests under way.
func (a *arm) abort() {
	for _, u := range a.upstreams {
		u.pool.abort()
	}
}

// retire stops the probes and lets the connections go as they become idle.
func (a *arm) retire() {
	a.stop()
	for _, u := range a.upstreams {
		u.pool.close()
	}
	a.done.Wait()
}
