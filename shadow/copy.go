package shadow

import (
	"sync"
	"time"
)

// Copy is one request on its way to the candidate, in bytes of its own. The
// data plane holds it from Mirror.Copy to Mirror.Offer or Mirror.Drop and does
// not touch it afterwards.
type Copy struct {
	engine   *engine
	buf      []byte // head and body of the request, then the live answer's body
	head     int    // where each part ends
	request  int
	texts    []byte // the live answer's content type and encoding
	typed    int    // where the first ends
	reserved int64  // of the mirror's bytes
	cut      bool   // the live answer was too large to keep
	full     bool   // there was no room for it

	live    Live
	offered time.Time
}

// Live is the answer that the client got.
type Live struct {
	Status  int
	Latency time.Duration // to the answer, or to the head of a streamed one
	// Candidate: it was not the baseline that answered. There is nothing to
	// compare.
	Candidate bool
	// Counted: the live answer is evidence; handed on to OnPair.
	Counted bool
}

// keptBuffer is the largest buffer, in bytes, that waits for another copy.
const keptBuffer = 64 << 10

var copies = sync.Pool{New: func() any { return new(Copy) }}

// newCopy takes the request over; false when the mirror has no room for it.
func newCopy(e *engine, head, body []byte) (*Copy, bool) {
	n := int64(len(head) + len(body))
	if !e.reserve(n) {
		return nil, false
	}
	c := copies.Get().(*Copy)
	*c = Copy{engine: e, buf: c.buf[:0], texts: c.texts[:0], reserved: n, head: len(head), request: int(n)}
	c.buf = append(append(c.buf, head...), body...)
	return c, true
}

// Head begins the live answer with its Content-Type and Content-Encoding, and
// forgets what was kept of another one, whose arm has failed. A nil Copy does
// nothing.
func (c *Copy) Head(contentType, contentEncoding []byte) {
	if c == nil {
		return
	}
	c.forget()
	c.cut, c.full = false, false
	c.texts = append(c.texts[:0], contentType...)
	c.typed = len(c.texts)
	c.texts = append(c.texts, contentEncoding...)
}

// forget gives the room of the answer back.
func (c *Copy) forget() {
	n := int64(len(c.buf) - c.request)
	c.engine.unreserve(n)
	c.reserved -= n
	c.buf = c.buf[:c.request]
}

// Answer keeps a piece of the live answer's body, decoded from its chunks. It
// may be called more than once, for the pieces of a streamed answer, and never
// keeps more than max_answer. A nil Copy does nothing.
func (c *Copy) Answer(piece []byte) {
	if c == nil || c.cut || c.full {
		return
	}
	n := len(c.buf) - c.request
	if int64(n+len(piece)) > int64(c.engine.config.Limits.MaxAnswer) {
		c.cut = true
	} else if !c.engine.reserve(int64(len(piece))) {
		c.full = true
	}
	if c.cut || c.full {
		c.forget()
		return
	}
	c.reserved += int64(len(piece))
	c.buf = append(c.buf, piece...)
}

func (c *Copy) requestHead() []byte { return c.buf[:c.head] }
func (c *Copy) requestBody() []byte { return c.buf[c.head:c.request] }
func (c *Copy) liveBody() []byte    { return c.buf[c.request:] }

// free gives the copy's room back.
func (c *Copy) free() {
	c.engine.unreserve(c.reserved)
	buf := c.buf[:0]
	if cap(buf) > keptBuffer {
		buf = nil
	}
	*c = Copy{buf: buf, texts: c.texts[:0]}
	copies.Put(c)
}
