package shadow

import (
	"bufio"
	"context"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// idleTime is below gunicorn's keep-alive of 2 s, and what a connection may
	// have been idle for.
	idleTime = 1900 * time.Millisecond
	// connectTimeout leaves a worker to others soon.
	connectTimeout = time.Second
	// receiveBuffer bounds what the kernel takes of an answer that nobody wants
	// to read to its end, in bytes.
	receiveBuffer = 128 << 10
	// An upstream that takes no connection is left alone for so long, twice as
	// long each time.
	firstPause, longestPause = 200 * time.Millisecond, 2 * time.Second
)

// connection is one connection to an upstream.
type connection struct {
	net.Conn
	raw    syscall.RawConn
	reader *bufio.Reader
	left   int // bytes that may still be read; the parser of heads has no limit of its own
	idleAt time.Time
}

func (c *connection) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLongHead
	}
	n, err := c.Conn.Read(p)
	c.left -= n
	return n, err
}

// upstream is one address that takes copies, with its idle connections, the
// last used first.
type upstream struct {
	address string

	mu     sync.Mutex
	idle   []*connection
	open   map[*connection]struct{}
	closed bool
	pause  time.Duration
	downTo time.Time
}

func newUpstream(address string) *upstream {
	return &upstream{address: address, open: map[*connection]struct{}{}}
}

// up says whether the upstream is worth an attempt.
func (u *upstream) up(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !now.Before(u.downTo)
}

// claim returns a connection on which nothing was sent for this copy.
func (u *upstream) claim(ctx context.Context, now, deadline time.Time) (*connection, error) {
	for {
		c := u.take(now)
		if c == nil {
			return u.dial(ctx, deadline)
		}
		if quiet(c.raw) {
			return c, nil
		}
		u.discard(c)
	}
}

func (u *upstream) take(now time.Time) *connection {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.idle)
	if n == 0 {
		return nil
	}
	c := u.idle[n-1]
	u.idle[n-1] = nil
	u.idle = u.idle[:n-1]
	if now.Sub(c.idleAt) < idleTime {
		return c
	}
	for _, old := range append(u.idle, c) { // those below are older still
		u.forget(old)
	}
	u.idle = nil
	return nil
}

func (u *upstream) dial(ctx context.Context, deadline time.Time) (*connection, error) {
	d := net.Dialer{Timeout: connectTimeout, Deadline: deadline, Control: smallReceiveBuffer}
	conn, err := d.DialContext(ctx, "tcp", u.address)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil {
		u.pause = min(max(2*u.pause, firstPause), longestPause)
		u.downTo = time.Now().Add(u.pause)
		return nil, err
	}
	u.pause, u.downTo = 0, time.Time{}
	c := &connection{Conn: conn}
	c.reader = bufio.NewReader(c)
	if u.closed {
		_ = conn.Close() // it was never used
		return nil, net.ErrClosed
	}
	if sc, ok := conn.(syscall.Conn); ok {
		c.raw, _ = sc.SyscallConn() // nil: the connection is not looked at before its use
	}
	u.open[c] = struct{}{}
	return c, nil
}

// prune closes the connections that were idle for too long to be used again.
func (u *upstream) prune(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	fresh := slices.IndexFunc(u.idle, func(c *connection) bool { return now.Sub(c.idleAt) < idleTime })
	if fresh < 0 {
		fresh = len(u.idle)
	}
	for _, old := range u.idle[:fresh] {
		u.forget(old)
	}
	u.idle = slices.Delete(u.idle, 0, fresh)
}

// release keeps a connection whose last answer was read to its end.
func (u *upstream) release(c *connection, now time.Time) {
	c.idleAt = now
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || c.reader.Buffered() > 0 {
		u.forget(c)
		return
	}
	u.idle = append(u.idle, c)
}

// discard closes a connection. What the upstream still sends is refused at
// once, and no port stays taken on this side.
func (u *upstream) discard(c *connection) {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails on a closed connection only
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forget(c)
}

// forget closes a connection. The lock is held.
func (u *upstream) forget(c *connection) {
	_ = c.Close() // it may be closed already
	delete(u.open, c)
}

// close ends the idle connections, and with all those in use.
func (u *upstream) close(all bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	for _, c := range u.idle {
		u.forget(c)
	}
	u.idle = nil
	if all {
		for c := range u.open {
			_ = c.Close() // its user sees the end
		}
	}
}
