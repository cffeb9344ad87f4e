package proxy

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// pool keeps the connections to one upstream, the last used first. A claim
// gives a connection on which nothing has been sent for this request and which
// was quiet a moment ago.
type pool struct {
	dial       func(deadline time.Time) (*upConn, error)
	readBuffer int
	idleTime   time.Duration
	wait       time.Duration
	limit      int

	mu      sync.Mutex
	idle    []*upConn
	all     map[*upConn]struct{}
	open    int // connections and dials under way
	waiters []chan *upConn
	closed  bool
}

var errPoolFull = errors.New("all connections in use")

func newPool(c UpstreamConfig, dial func(deadline time.Time) (*upConn, error)) *pool {
	return &pool{
		dial: dial, readBuffer: int(c.AnswerHead), idleTime: c.Idle, wait: c.Wait, limit: c.Connections,
		all: map[*upConn]struct{}{},
	}
}

// claim returns a connection for c's request; errors mean that nothing was
// sent.
func (p *pool) claim(c *client, now, deadline time.Time) (*upConn, error) {
	for {
		u, dial, waiter := p.take(now)
		if waiter != nil {
			var err error
			if u, err = p.await(waiter, deadline); err != nil {
				return nil, err
			}
			dial = u == nil
		}
		if dial {
			return p.connect(c, now, deadline)
		}
		if u.quiet() {
			u.begin(c, now)
			return u, nil
		}
		p.discard(u)
	}
}

// take gives an idle connection, or leave to dial, or a place in the queue.
func (p *pool) take(now time.Time) (u *upConn, dial bool, waiter chan *upConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		u = p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		if now.Sub(u.idleAt) < p.idleTime {
			return u, false, nil
		}
		p.forget(u) // those below are older still
		p.expire(now)
	}
	if p.open < p.limit {
		p.open++
		return nil, true, nil
	}
	waiter = make(chan *upConn, 1)
	p.waiters = append(p.waiters, waiter)
	return nil, false, waiter
}

// await waits for a connection to be handed over; nil is leave to dial.
func (p *pool) await(waiter chan *upConn, deadline time.Time) (*upConn, error) {
	timer := time.NewTimer(min(p.wait, time.Until(deadline)))
	defer timer.Stop()
	select {
	case u := <-waiter:
		return u, nil
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiters, waiter); i >= 0 {
		p.waiters = slices.Delete(p.waiters, i, i+1)
		return nil, errPoolFull
	}
	return <-waiter, nil // handed over in this very moment
}

func (p *pool) connect(c *client, now, deadline time.Time) (*upConn, error) {
	u, err := p.dial(deadline)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.vacate()
		return nil, err
	}
	p.all[u] = struct{}{}
	u.begin(c, now)
	return u, nil
}

// release gives a connection back. reuse: its last answer was read to the end
// and both sides keep it open.
func (p *pool) release(u *upConn, reuse bool) {
	if !u.end() || !reuse || u.reader.Buffered() > 0 {
		p.discard(u)
		return
	}
	u.reused = true
	u.idleAt = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		p.forget(u)
	case len(p.waiters) > 0:
		p.serve(u)
	default:
		p.idle = append(p.idle, u)
	}
}

// discard closes a claimed connection.
func (p *pool) discard(u *upConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(u)
}

// forget closes a connection and gives its place away. The lock is held.
func (p *pool) forget(u *upConn) {
	_ = u.Close() // it may be closed already
	delete(p.all, u)
	p.vacate()
}

// vacate gives a place away: to a waiter, who may dial, or to nobody.
func (p *pool) vacate() {
	if len(p.waiters) > 0 {
		p.serve(nil)
		return
	}
	p.open--
}

func (p *pool) serve(u *upConn) {
	p.waiters[0] <- u
	p.waiters = slices.Delete(p.waiters, 0, 1)
}

// expire closes what has been idle too long. The lock is held.
func (p *pool) expire(now time.Time) {
	old := 0
	for old < len(p.idle) && now.Sub(p.idle[old].idleAt) >= p.idleTime {
		old++
	}
	for _, u := range p.idle[:old] {
		p.forget(u)
	}
	p.idle = slices.Delete(p.idle, 0, old)
}

// sweep closes what has been idle too long and cancels the requests, older
// than patience, whose clients have left.
func (p *pool) sweep(now time.Time, patience time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire(now)
	before := now.Add(-patience).UnixNano()
	for u := range p.all {
		u.cancelIfGone(before)
	}
}

// close lets the idle connections go; claimed ones go when they are released.
// Requests that have begun with an older table still get connections.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, u := range p.idle {
		p.forget(u)
	}
	p.idle = nil
}

// abort ends the requests under way; their claims see a broken connection.
func (p *pool) abort() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for u := range p.all {
		_ = u.Close() // its claim releases it
	}
}
