package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// client is a client's connection, between the socket and fasthttp. Heads and
// chunked bodies are checked here, before fasthttp sees them; fasthttp is given
// a head of our own making, so that only one parser decides what a request
// says (DESIGN.md).
//
// All but the atomic fields belong to the goroutine that serves the
// connection.
type client struct {
	net.Conn
	proxy  *Proxy
	raw    syscall.RawConn
	remote netip.Addr
	use    atomic.Int32 // a clientUse

	phase    readPhase
	waiting  []byte // received and not yet looked at
	scan     headScan
	chunks   chunkScan
	left     int64  // of a body with Content-Length, in bytes
	headBuf  []byte // the current head as it was sent
	head     requestHead
	started  bool   // the request line was looked at before the rest came
	out      []byte // checked, not yet handed to fasthttp
	outBuf   []byte
	mute     bool // the proxy has answered by itself and is closing
	readBy   time.Time
	writeBy  time.Time
	blanks   int     // empty lines before a request
	borrowed *[]byte // a buffer, while fasthttp has given too small a one

	exchange
	answer []byte // what replaces the head that fasthttp writes; nil when sent
}

type readPhase uint8

const (
	readingHead readPhase = iota
	readingBody
	readingChunks
)

// clientUse tells the shutdown whether a connection may be closed.
type clientUse = int32

const (
	useIdle    clientUse = iota
	useBusy              // a request is on it
	useClosing           // its read is being ended
	useClosed            // its read was ended
)

// smallScratch is the buffer below which one is borrowed: with ReduceMemory
// fasthttp waits for a request with a single byte.
const smallScratch = 512

var scratchPool = sync.Pool{New: func() any {
	b := make([]byte, 4<<10)
	return &b
}}

var errRefused = errors.New("request refused")

func newClient(p *Proxy, conn net.Conn) *client {
	c := &client{Conn: conn, proxy: p}
	c.use.Store(useBusy)
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	if addr, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		c.remote = addr.AddrPort().Addr().Unmap()
	}
	return c
}

// Read hands checked bytes to fasthttp, never beyond the end of the current
// message: when it asks for the next one, the answer has been flushed.
func (c *client) Read(p []byte) (int, error) {
	if c.mute {
		return 0, errRefused
	}
	if len(c.out) == 0 && c.phase == readingHead {
		err := c.readHead(p)
		if c.borrowed != nil {
			scratchPool.Put(c.borrowed)
			c.borrowed = nil
		}
		if err != nil {
			return 0, err
		}
	}
	if len(c.out) > 0 {
		n := copy(p, c.out)
		c.out = c.out[n:]
		return n, nil
	}
	return c.readBody(p)
}

// readHead reads until a head is complete and accepted. Into scratch as long
// as nothing has to be kept.
func (c *client) readHead(scratch []byte) error {
	limits := &c.proxy.table.Load().config.Limits
	c.scan, c.blanks, c.started = headScan{}, 0, false
	c.id, c.head.method = c.id[:0], nil
	data, began := c.waiting, time.Time{}
	for {
		if r := c.skipBlankLines(&data); r != nil {
			return c.refuse(r)
		}
		if len(data) > 0 && began.IsZero() {
			began = time.Now()
		}
		if len(data) > 0 && data[0] != '\r' { // a lone CR may begin an empty line
			end, r := c.scan.next(data, int(limits.Target), int(limits.Head))
			if r != nil {
				return c.refuse(r)
			}
			if end > 0 {
				return c.accept(data[:end], data[end:])
			}
			if r := c.checkStart(data); r != nil {
				return c.refuse(r)
			}
		}
		c.waiting = append(c.waiting[:0], data...)
		received, err := c.receive(scratch, began)
		if err != nil {
			return err
		}
		if len(c.waiting) == 0 {
			data = received
			continue
		}
		c.waiting = append(c.waiting, received...)
		data = c.waiting
	}
}

// checkStart refuses a bad request line without waiting for the rest of the
// head, which may never come (HTTP/0.9, other protocols).
func (c *client) checkStart(data []byte) *refusal {
	if c.scan.line == 0 || c.started {
		return nil
	}
	c.started = true
	return c.head.parseStart(data[:bytes.IndexByte(data, '\n')-1])
}

// skipBlankLines drops the empty lines that old clients send after a body
// (RFC 9112 §2.2), and refuses at once what cannot begin a request.
func (c *client) skipBlankLines(data *[]byte) *refusal {
	if c.scan.at > 0 {
		return nil
	}
	for len(*data) >= 2 && (*data)[0] == '\r' && (*data)[1] == '\n' {
		*data = (*data)[2:]
		if c.blanks++; c.blanks > 2 {
			return refuseStart
		}
	}
	if len(*data) > 0 && !tokenSet[(*data)[0]] && ((*data)[0] != '\r' || len(*data) > 1) {
		return refuseStart
	}
	return nil
}

// receive reads from the socket; began is when the head's first byte came,
// zero while the connection is idle.
func (c *client) receive(scratch []byte, began time.Time) ([]byte, error) {
	timeouts := &c.proxy.table.Load().config.Timeouts
	idle := began.IsZero()
	if idle {
		c.setReadBy(time.Now().Add(timeouts.Idle), time.Second)
		c.use.Store(useIdle) // after the deadline: a shutdown may bring it forward
	} else {
		c.setReadBy(began.Add(timeouts.Head), 0)
	}
	if len(scratch) < smallScratch {
		if idle {
			c.shed()
		}
		if err := c.awaitReadable(); err != nil {
			return nil, c.notReceived(err, idle)
		}
		if c.borrowed == nil {
			c.borrowed = scratchPool.Get().(*[]byte)
		}
		scratch = *c.borrowed
	}
	n, err := c.Conn.Read(scratch)
	if n <= 0 {
		return nil, c.notReceived(err, idle)
	}
	if idle {
		c.busy()
	}
	return scratch[:n], nil
}

// notReceived is what fasthttp is told when nothing came.
func (c *client) notReceived(err error, idle bool) error {
	if !idle && errors.Is(err, os.ErrDeadlineExceeded) {
		return c.refuse(refuseSlow)
	}
	c.mute = !idle
	return io.EOF
}

// shed lets go of the buffers while the client is idle.
func (c *client) shed() {
	c.headBuf, c.outBuf, c.outgoing, c.answer, c.head.fields, c.upstreamHead.fields = nil, nil, nil, nil, nil, nil
	c.stream.events.line = nil
	if len(c.waiting) == 0 {
		c.waiting = nil
	}
}

// awaitReadable waits for bytes without a buffer for them.
func (c *client) awaitReadable() error {
	if c.raw == nil {
		return nil
	}
	return c.raw.Read(func(fd uintptr) bool { return peek(int(fd)) != socketQuiet })
}

// busy ends the idle time. A shutdown that was about to end the read has come
// too late: the request is answered.
func (c *client) busy() {
	if c.use.CompareAndSwap(useIdle, useBusy) {
		return
	}
	for c.use.Load() == useClosing {
		runtime.Gosched()
	}
	c.use.Store(useBusy)
	c.readBy = time.Time{}
	_ = c.SetReadDeadline(time.Time{}) // fails on a closed connection only
}

// readBody hands on the body's bytes, checked.
func (c *client) readBody(p []byte) (int, error) {
	n := len(c.waiting)
	if n > 0 {
		n = copy(p, c.waiting)
	} else {
		var err error
		if n, err = c.Conn.Read(p); n <= 0 {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return 0, c.refuse(refuseSlow)
			}
			c.mute = true
			return 0, io.ErrUnexpectedEOF
		}
	}
	body, r := c.takeBody(p[:n])
	if r != nil {
		return 0, c.refuse(r)
	}
	if len(c.waiting) > 0 {
		c.waiting = append(c.waiting[:0], c.waiting[body:]...)
	} else {
		c.waiting = append(c.waiting, p[body:n]...)
	}
	return body, nil
}

// takeBody says how much of b belongs to the current body, and moves on to the
// next head where it ends.
func (c *client) takeBody(b []byte) (int, *refusal) {
	switch c.phase {
	case readingBody:
		n := min(int64(len(b)), c.left)
		if c.left -= n; c.left == 0 {
			c.phase = readingHead
		}
		return int(n), nil
	case readingChunks:
		n, r := c.chunks.next(b, c.maxBody())
		if r == nil && c.chunks.done() {
			c.phase = readingHead
		}
		return n, r
	case readingHead:
	}
	return 0, nil
}

// setReadBy moves the read deadline; slack saves the call when the present one
// is that close.
func (c *client) setReadBy(t time.Time, slack time.Duration) {
	if d := t.Sub(c.readBy); d > slack || d < -slack || slack == 0 {
		c.readBy = t
		_ = c.SetReadDeadline(t) // fails on a closed connection only, as the read will
	}
}
