package proxy

import (
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/headgate/headgate/canary"
)

const (
	// streamAbove is the size up to which an answer is read whole before its
	// head is sent: a cut in it can still become a 502.
	streamAbove = 64 << 10
	// wholeLimit bounds an answer of unknown length to an HTTP/1.0 client,
	// which has no way to be told of a cut.
	wholeLimit = 16 << 20
	// inOneWrite is the size up to which a body is sent together with its head.
	inOneWrite = 16 << 10
	// pieceOfBody is what is sent of a large body between two looks for an
	// early answer, and earlyLook the longest time between them.
	pieceOfBody = 256 << 10
	earlyLook   = 250 * time.Millisecond
	// afterBreak is how long an answer is waited for when sending has failed.
	afterBreak = time.Second
)

var errEarlyAnswer = errors.New("the upstream answers before it has read the request")

// roundTrip sends the request on the claimed connection and takes the answer.
// resultUnreachable means that nothing was sent.
func (c *client) roundTrip(ctx *fasthttp.RequestCtx, which canary.Arm, body []byte) result {
	u := c.upstream
	_ = u.SetDeadline(c.deadline) // fails on a closed connection only, as the write will
	sent, err := c.send(u, body)
	if err != nil && !sent {
		if u.cancelled() {
			return c.giveUp(err)
		}
		c.release(false)
		return resultUnreachable
	}
	broken := err != nil
	if broken && !errors.Is(err, errEarlyAnswer) {
		if by := time.Now().Add(afterBreak); by.Before(c.deadline) {
			_ = u.SetReadDeadline(by)
		}
	}
	if err := c.upstreamHead.read(u.reader, string(c.head.method) == "HEAD"); err != nil {
		return c.giveUp(err)
	}
	c.upstreamHead.close = c.upstreamHead.close || broken
	c.mirrorHead()
	return c.takeAnswer(ctx, which)
}

// send writes the request; sent says whether any byte of it may have left.
func (c *client) send(u *upConn, body []byte) (sent bool, err error) {
	if len(body) <= inOneWrite {
		c.outgoing = append(c.outgoing, body...)
		n, err := u.Write(c.outgoing)
		c.outgoing = c.outgoing[:len(c.outgoing)-len(body)]
		return n > 0, err
	}
	if n, err := u.Write(c.outgoing); err != nil {
		return n > 0, err
	}
	for len(body) > 0 {
		if socketOf(u.raw) != socketQuiet {
			return true, errEarlyAnswer
		}
		by := time.Now().Add(earlyLook)
		if c.deadline.Before(by) {
			by = c.deadline
		}
		_ = u.SetWriteDeadline(by)
		n, err := u.Write(body[:min(len(body), pieceOfBody)])
		body = body[n:]
		if err != nil && (!errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Before(c.deadline)) {
			return true, err
		}
	}
	return true, nil
}

// giveUp ends an attempt whose answer did not come.
func (c *client) giveUp(err error) result {
	gone := c.upstream.cancelled()
	c.release(false)
	switch {
	case gone:
		return resultGone
	case errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(c.deadline):
		return resultTimeout
	default:
		return resultBroken
	}
}

// takeAnswer reads a small answer whole and lets a large one pass through.
func (c *client) takeAnswer(ctx *fasthttp.RequestCtx, which canary.Arm) result {
	a, u := &c.upstreamHead, c.upstream
	length := a.length
	switch {
	case length == noBody || (length >= 0 && length <= streamAbove):
	case c.head.http10 && length < 0:
		return c.takeWhole(which)
	default:
		return c.passThrough(ctx, which)
	}
	b := c.appendAnswerHead(c.answer[:0], which, length)
	if _, err := u.reader.Discard(a.size); err != nil {
		return c.giveUp(err)
	}
	c.bodyAt = len(b)
	if length > 0 {
		from := len(b)
		b = slices.Grow(b, int(length))[:from+int(length)]
		if _, err := io.ReadFull(u.reader, b[from:]); err != nil {
			return c.giveUp(err)
		}
	}
	return c.taken(b)
}

func (c *client) taken(b []byte) result {
	c.latency = time.Since(c.start)
	c.answer = b
	c.release(!c.upstreamHead.close)
	return ofStatus(c.upstreamHead.status)
}

// takeWhole reads an answer of unknown length for an HTTP/1.0 client.
func (c *client) takeWhole(which canary.Arm) result {
	a, u := &c.upstreamHead, c.upstream
	head := c.appendAnswerHead(nil, which, noBody)
	if _, err := u.reader.Discard(a.size); err != nil {
		return c.giveUp(err)
	}
	body, whole := newAnswerBody(u.reader, a.length, nil), []byte(nil)
	for {
		piece, err := body.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && len(whole)+len(piece) > wholeLimit {
			err = errLongAnswer
		}
		if err != nil {
			return c.giveUp(err)
		}
		whole = append(whole, piece...)
	}
	head = append(head[:len(head)-len("\r\n")], "Content-Length: "...)
	head = appendInt(head, len(whole))
	head = append(head, headEnd...)
	c.bodyAt = len(head)
	return c.taken(append(head, whole...))
}

// passThrough sends the head now and lets the body follow as it comes.
func (c *client) passThrough(ctx *fasthttp.RequestCtx, which canary.Arm) result {
	a, u := &c.upstreamHead, c.upstream
	size := max(a.length, chunked) // what has no length, or ends with its connection, is sent in chunks
	head := c.appendAnswerHead(c.answer[:0], which, size)
	if _, err := u.reader.Discard(a.size); err != nil {
		return c.giveUp(err)
	}
	c.answer = head
	c.latency = time.Since(c.start)
	c.stream = stream{client: c, arm: which, body: newAnswerBody(u.reader, a.length, c.awaitPiece), events: events{line: c.stream.events.line[:0]}}
	c.streamed = true
	c.tapStream(which)
	ctx.Response.SkipBody = false
	ctx.Response.ImmediateHeaderFlush = u.reader.Buffered() == 0
	ctx.Response.SetBodyStream(&c.stream, int(size))
	return resultStreaming
}
