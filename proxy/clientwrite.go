package proxy

import (
	"bytes"
	"io"
	"net"
	"time"
)

// keptAnswer is how large an answer buffer may stay with a connection.
const keptAnswer = 32 << 10

var headEnd = []byte("\r\n\r\n")

// Write sends what fasthttp has written, with the head that it made replaced
// by ours. fasthttp's head is small and comes in one piece at the beginning,
// because every answer is flushed before the next request is read.
func (c *client) Write(p []byte) (int, error) {
	if c.mute {
		return len(p), nil
	}
	c.extendWriteBy()
	if len(c.answer) == 0 {
		return c.Conn.Write(p)
	}
	end := bytes.Index(p, headEnd)
	if end < 0 {
		panic("BUG: fasthttp wrote a head in pieces")
	}
	b := append(c.answer, p[end+len(headEnd):]...)
	_, err := c.Conn.Write(b)
	if c.mirrored.due {
		c.mirrorOffer(b[c.bodyAt:])
	}
	if cap(b) > keptAnswer {
		b = nil
	}
	c.answer = b[:0]
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// extendWriteBy gives the client another write timeout; once a second at most,
// because a deadline costs a timer.
func (c *client) extendWriteBy() {
	now := time.Now()
	timeout := c.proxy.table.Load().config.Timeouts.Write
	if by := now.Add(timeout); by.Sub(c.writeBy) > min(time.Second, timeout/4) {
		c.writeBy = by
		_ = c.SetWriteDeadline(by) // fails on a closed connection only, as the write will
	}
}

// refuse answers by itself a message that must not reach fasthttp, and ends the
// connection. It reads on for a moment: closing a socket with unread bytes
// resets it and may take the answer away from the client.
func (c *client) refuse(r *refusal) error {
	c.mute = true
	c.exchange.refused(c.proxy, r)
	c.extendWriteBy()
	b := appendProblem(c.answer[:0], r, c.id, problemFraming{close: true, head: string(c.head.method) == "HEAD"})
	if _, err := c.Conn.Write(b); err == nil {
		c.linger()
	}
	return errRefused
}

const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

func (c *client) linger() {
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil || tcp.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(onlyReader{tcp}, lingerBytes)) // the answer is sent; what follows does not matter
}

// onlyReader hides the methods with which io.Copy would splice.
type onlyReader struct{ io.Reader }

// closeIdle ends the wait for another request. The goroutine that waits closes
// the connection, unless a request has come in this very moment: then it is
// answered first.
func (c *client) closeIdle() {
	if c.use.CompareAndSwap(useIdle, useClosing) {
		_ = c.SetReadDeadline(longAgo) // fails on a closed connection only
		c.use.Store(useClosed)
	}
}

var longAgo = time.Unix(1, 0)
