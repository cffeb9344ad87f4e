package proxy

import (
	"bufio"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// upConn is a connection to an upstream. All but the atomic fields belong to
// the request that has claimed it.
type upConn struct {
	net.Conn
	pool   *pool
	raw    syscall.RawConn
	look   func(fd uintptr)
	seen   socketState
	reader *bufio.Reader
	idleAt time.Time // when it went idle
	reused bool      // it has carried a request before

	// use is the number of the claim and a connUse. The watcher may cancel
	// exactly the claim that it has looked at.
	use    atomic.Uint64
	since  atomic.Int64           // start of the claim, in ns of the wall clock
	client atomic.Pointer[client] // whose request it carries
}

const (
	connIdle uint64 = iota
	connBusy
	connCancelled
	connUseBits = 2
)

func newUpConn(p *pool, conn net.Conn) *upConn {
	u := &upConn{Conn: conn, pool: p, reader: bufio.NewReaderSize(conn, p.readBuffer)}
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			u.raw = raw
		}
	}
	u.look = func(fd uintptr) { u.seen = peek(int(fd)) }
	return u
}

// quiet says whether an idle connection can carry a request: still open, and
// no stray bytes that would become somebody's answer.
func (u *upConn) quiet() bool {
	if u.reader.Buffered() > 0 {
		return false
	}
	if u.raw == nil {
		return true
	}
	u.seen = socketEnded
	return u.raw.Control(u.look) == nil && u.seen == socketQuiet
}

// begin marks the connection as carrying c's request.
func (u *upConn) begin(c *client, now time.Time) {
	u.client.Store(c)
	u.since.Store(now.UnixNano())
	claim := u.use.Load()>>connUseBits + 1
	u.use.Store(claim<<connUseBits | connBusy)
}

// end takes the request off the connection; false when it was cancelled.
func (u *upConn) end() bool {
	now := u.use.Load()
	ok := now&connBusy != 0 && u.use.CompareAndSwap(now, now&^(connBusy|connCancelled))
	u.client.Store(nil)
	return ok
}

func (u *upConn) cancelled() bool { return u.use.Load()&connCancelled != 0 }

// cancelIfGone closes the connection when the client whose request it carries
// has left.
func (u *upConn) cancelIfGone(before int64) {
	now := u.use.Load()
	c := u.client.Load()
	if now&connBusy == 0 || c == nil || u.since.Load() > before || socketOf(c.raw) != socketEnded {
		return
	}
	if u.use.CompareAndSwap(now, now&^connBusy|connCancelled) {
		_ = u.Close() // the claim's owner sees the end
	}
}
