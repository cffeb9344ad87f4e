package proxy

import (
	"strconv"
	"time"
)

// accept takes a complete head: checks it, finds its route, and prepares what
// fasthttp is given. This is where a request loads the table, once.
func (c *client) accept(head, rest []byte) error {
	c.headBuf = append(c.headBuf[:0], head...)
	if r := c.head.parse(c.headBuf); r != nil {
		return c.refuse(r)
	}
	c.begin(c.proxy.table.Load())
	if len(c.head.target) > int(c.table.config.Limits.Target) {
		return c.refuse(refuseLongTarget)
	}
	if c.head.length > c.maxBody() {
		return c.refuse(refuseLongBody)
	}
	c.outBuf = c.appendPlainHead(c.outBuf[:0])
	switch {
	case c.head.length == chunked:
		c.phase, c.chunks = readingChunks, chunkScan{}
	case c.head.length > 0:
		c.phase, c.left = readingBody, c.head.length
	}
	n, r := c.takeBody(rest)
	if r != nil {
		return c.refuse(r)
	}
	c.outBuf = append(c.outBuf, rest[:n]...)
	c.out = c.outBuf
	c.waiting = append(c.waiting[:0], rest[n:]...)
	if c.phase != readingHead {
		c.setReadBy(time.Now().Add(c.table.config.Timeouts.Body), 0)
	}
	return nil
}

// appendPlainHead writes the head that fasthttp reads. It carries the body's
// length and nothing else that a client has sent.
func (c *client) appendPlainHead(b []byte) []byte {
	b = append(b, "POST / HTTP/1.1\r\nHost: h\r\n"...)
	switch {
	case c.head.length == chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case c.head.length > 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, c.head.length, 10)
		b = append(b, "\r\n"...)
	}
	if c.head.wantsContinue && !c.head.http10 && (c.head.length == chunked || c.head.length > 0) {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	return append(b, "\r\n"...)
}

// maxBody is the limit of the current request's body.
func (c *client) maxBody() int64 {
	if c.route != nil {
		return int64(c.route.config.MaxBody)
	}
	return int64(c.table.config.Limits.Body)
}
