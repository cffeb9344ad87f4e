package shadow

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	maxHead    = 64 << 10 // of an answer, in bytes
	maxInterim = 16       // answers 1xx before the real one
	// An answer's first bytes are read whatever the others take.
	freeRead = 64 << 10
	// streamAbove is the size from which the data plane lets an answer pass
	// through and takes its latency at the head; so do we, to compare like with
	// like.
	streamAbove = 64 << 10
)

var (
	errLongHead = errors.New("head of the answer is too long")
	errInterim  = errors.New("no answer after the interim ones")
)

// answer is what an upstream said to a copy.
type answer struct {
	status      int
	latency     time.Duration
	contentType string
	encoding    string
	body        []byte
	cut         bool // the body was not read to its end: too large, or too much at once
}

// caller sends copies. A worker has one for each side; its buffers are used
// again.
type caller struct {
	engine *engine
	out    net.Buffers
	small  []byte  // for bodies up to freeRead
	large  *[]byte // borrowed, while a larger body is in use
	taken  int64   // reserved for it
	body   []byte
}

// done gives back what the last answer took.
func (w *caller) done() {
	w.engine.unreserve(w.taken)
	if w.large != nil {
		w.engine.large.Put(w.large)
	}
	w.large, w.taken, w.body = nil, 0, nil
}

// do sends one copy and reads the answer. It never sends anything twice. The
// answer's body is valid until the next call.
func (w *caller) do(ctx context.Context, u *upstream, o *outgoing, body []byte, timeout time.Duration) (answer, Failure, bool) {
	start := time.Now()
	deadline := start.Add(timeout)
	conn, err := u.claim(ctx, start, deadline)
	if err != nil {
		if ctx.Err() != nil {
			return answer{}, FailClosed, false
		}
		return answer{latency: time.Since(start)}, FailConnect, false
	}
	_ = conn.SetDeadline(deadline) // fails on a closed connection only, as the write will
	a, reuse, err := w.talk(conn, o, body, start)
	if err != nil {
		u.discard(conn)
		a.latency = time.Since(start)
		return a, failureOf(ctx, err), false
	}
	if reuse {
		u.release(conn, time.Now())
	} else {
		u.discard(conn)
	}
	return a, 0, true
}

func failureOf(ctx context.Context, err error) Failure {
	var network *net.OpError
	switch {
	case ctx.Err() != nil:
		return FailClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return FailTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return FailBroken
	default:
		return FailInvalid
	}
}

func (w *caller) talk(conn *connection, o *outgoing, body []byte, start time.Time) (a answer, reuse bool, err error) {
	w.out = append(w.out[:0], o.head)
	if len(body) > 0 {
		w.out = append(w.out, body)
	}
	out := w.out // WriteTo eats it up
	if _, err := out.WriteTo(conn.Conn); err != nil {
		return a, false, err
	}
	res, err := readHead(conn, string(o.method)) //nolint:bodyclose // closing reads a cut answer to its end; the connection is closed instead
	if err != nil {
		return a, false, err
	}
	a.status = res.StatusCode
	a.contentType, a.encoding = res.Header.Get("Content-Type"), res.Header.Get("Content-Encoding")
	a.latency = time.Since(start)
	whole, err := w.readBody(res)
	if err != nil {
		return a, false, err
	}
	if length := res.ContentLength; length >= 0 && length <= streamAbove {
		a.latency = time.Since(start)
	}
	a.body, a.cut = w.body, !whole
	w.engine.spend(len(a.body), a.cut)
	return a, whole && !res.Close, nil
}

// readHead reads the head of the answer that is not an interim one.
func readHead(conn *connection, method string) (*http.Response, error) {
	conn.left = maxHead
	for range maxInterim {
		res, err := http.ReadResponse(conn.reader, &http.Request{Method: method})
		switch {
		case err != nil:
			return nil, err
		case res.StatusCode == http.StatusSwitchingProtocols:
			return nil, errInterim
		case res.StatusCode >= 200:
			conn.left = math.MaxInt
			return res, nil
		}
	}
	return nil, errInterim
}

// readBody reads the body into w.body; false when it was cut.
func (w *caller) readBody(res *http.Response) (whole bool, err error) {
	limit := int64(w.engine.config.Limits.MaxAnswer)
	if w.small == nil {
		w.small = make([]byte, 4<<10)
	}
	w.body = w.small[:0]
	if res.ContentLength > limit || res.ContentLength > freeRead && !w.grow(res.ContentLength) {
		return false, nil
	}
	for {
		if len(w.body) == cap(w.body) && !w.grow(limit) {
			return false, nil
		}
		n, err := res.Body.Read(w.body[len(w.body):min(cap(w.body), len(w.body)+freeRead/2)])
		w.body = w.body[:len(w.body)+n]
		switch {
		case int64(len(w.body)) > limit:
			return false, nil
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, err
		}
	}
}

// grow makes room for up to limit bytes and one more, which shows that there
// are too many. Beyond freeRead the room is counted, and false says that there
// is none.
func (w *caller) grow(limit int64) bool {
	if next := 2 * cap(w.small); len(w.body) == cap(w.small) && next <= freeRead {
		w.small = append(make([]byte, 0, next), w.body...)[:next]
		w.body = w.small[:len(w.body)]
		return true
	}
	if w.large != nil || !w.engine.reserveAnswer(limit+1) {
		return false
	}
	w.taken, w.large = limit+1, w.engine.large.Get().(*[]byte)
	if int64(cap(*w.large)) <= limit {
		*w.large = make([]byte, 0, limit+1)
	}
	w.body = append((*w.large)[:0:limit+1], w.body...)
	return true
}

// eventStream says whether a body is a stream of server-sent events.
func eventStream(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(contentType), "text/event-stream")
}
