package proxy

import (
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/payload"
)

// record counts the outcome of an attempt that is evidence, and gives what is
// to be read of it to the tap. Where the answer's body can make it a failure the
// tap counts, every outcome of the route in its turn: were the others counted
// here they would overtake, and a user's failure would more often come first
// than it did. It says whether the outcome counts.
func (c *client) record(which canary.Arm, r result) (counted bool) {
	t := c.route.tap
	answered := r == resultOK || r == resultStatus
	s := kpi.Sample{Key: c.draw.key, Sticky: c.draw.sticky, Latency: c.latency, Failed: r.failed()}
	if answered {
		s.Failed = s.Failed || c.route.config.Errors.Status(c.upstreamHead.status)
	}
	x := c.tapped // of a body that has passed through
	c.tapped = nil
	if !t.rules && !t.recorder.Record(int(which), s) {
		c.discard(x)
		return false
	}
	counted = !t.rules || t.recorder.Counts(int(which), s)
	x = c.exchanged(t, which, x, answered)
	switch {
	case x != nil:
		x.sample, x.record = s, t.rules
		c.proxy.tap.offer(x)
	case t.rules:
		t.recorder.Record(int(which), s)
	}
	return counted
}

// exchanged is what is to be read of an exchange, nil when nothing is or there
// is no place for it.
func (c *client) exchanged(t *routeTap, which canary.Arm, x *tapped, answered bool) *tapped {
	if c.streamed && c.stream.full {
		t.metrics[which].noPlace(t.rules && !c.upstreamHead.eventStream)
		return nil
	}
	read := answered && x != nil && x.read
	if answered && !c.streamed {
		read = t.reads(c.head.method) && (t.request || !c.upstreamHead.eventStream)
		c.measureWhole()
	}
	id, measured := c.joinedBy(t, answered), c.stream.events.on
	if !read && id == 0 && !measured && !t.rules {
		c.discard(x)
		return nil
	}
	if x == nil {
		if x = c.proxy.tap.take(); x == nil {
			t.metrics[which].noPlace(t.rules && read)
			return nil
		}
	}
	x.tap, x.arm, x.id, x.read = t, int(which), id, read
	x.rules = x.rules && answered
	if read && !c.streamed {
		c.copyRequest(t, x)
		if !c.upstreamHead.eventStream {
			x.status, x.rules = c.upstreamHead.status, t.rules
			c.copyAnswer(t, x, c.answer[c.bodyAt:])
		}
	}
	if measured {
		x.stream, x.firstToken, x.tokens = true, c.stream.events.first, c.stream.events.rate()
	}
	return x
}

// joinedBy is the key by which outcomes find the request, 0 when none are
// joined or nobody has seen an answer.
func (c *client) joinedBy(t *routeTap, answered bool) uint64 {
	if !t.keyed || !answered || c.upstreamHead.status >= 300 {
		return 0
	}
	return kpi.RequestKey(c.id)
}

// copyRequest copies the request's body, if it is to be read.
func (c *client) copyRequest(t *routeTap, x *tapped) {
	if !x.read || !t.request {
		return
	}
	switch coding := codingOf(c.head.coding); {
	case len(c.body) > int(t.maxBody):
		x.requestTrouble = payload.TooLarge
	case coding == codingOther:
		x.requestTrouble = payload.Coding
	default:
		x.requestPacked = coding == codingGzip
		c.tapCopy(t, x, &x.request, c.body)
	}
}

// copyAnswer adds a piece of the answer's body.
func (c *client) copyAnswer(t *routeTap, x *tapped, piece []byte) {
	if !x.read || !t.answer || x.answerTrouble != payload.Fine {
		return
	}
	switch a := &c.upstreamHead; {
	case len(x.answer)+len(piece) > int(t.maxBody):
		x.answerTrouble = payload.TooLarge
		c.proxy.tap.forget(&x.answer)
	case a.coding == codingOther:
		x.answerTrouble = payload.Coding
	default:
		x.answerPacked = a.coding == codingGzip
		c.tapCopy(t, x, &x.answer, piece)
	}
}

// tapCopy copies into an item, or gives up reading it when there is no room.
func (c *client) tapCopy(t *routeTap, x *tapped, to *[]byte, body []byte) {
	if c.proxy.tap.copied(to, body) {
		return
	}
	x.read = false
	t.metrics[x.arm].noRoom.Inc()
	c.proxy.tap.forget(&x.request)
	c.proxy.tap.forget(&x.answer)
}

// forget lets go of a body that will not be read.
func (t *tap) forget(body *[]byte) {
	t.bytes.Add(-int64(len(*body)))
	*body = (*body)[:0]
}

// discard gives an item back that has nothing to tell; nil is none.
func (c *client) discard(x *tapped) {
	if x != nil {
		c.proxy.tap.put(x)
	}
}

// tapStream prepares for a body that passes through: the request is copied now,
// because its buffer may be gone when the answer ends.
func (c *client) tapStream(which canary.Arm) {
	t := c.route.tap
	if t == nil || !c.draw.evidence {
		return
	}
	a := &c.upstreamHead
	c.stream.events.on = a.measurable()
	c.stream.tapped = c.stream.events.on
	if !t.reads(c.head.method) || a.eventStream && !t.request {
		return
	}
	x := c.proxy.tap.take()
	if x == nil {
		c.stream.full = true // counted at the end, when it is known to be evidence
		return
	}
	x.tap, x.arm, x.read = t, int(which), true
	c.copyRequest(t, x)
	if !a.eventStream {
		x.status, x.rules = a.status, t.rules
		if a.length > int64(t.maxBody) {
			x.answerTrouble = payload.TooLarge
		}
		c.stream.tapped = x.answerTrouble == payload.Fine
	}
	c.tapped = x
}

// measurable says whether an answer is a stream of events whose times count.
func (a *answerHead) measurable() bool {
	return a.eventStream && a.status >= 200 && a.status < 300 && a.coding == codingNone
}

// measureWhole measures a stream of events that was short enough to be taken as
// a whole: it has a first token and no rate.
func (c *client) measureWhole() {
	if c.upstreamHead.measurable() {
		c.stream.events = events{on: true, line: c.stream.events.line[:0]}
		c.stream.events.add(c.answer[c.bodyAt:], c.latency)
	}
}

// tapPiece takes a piece of a body that passes through.
func (c *client) tapPiece(piece []byte) {
	if c.stream.events.on {
		c.stream.events.add(piece, time.Since(c.start))
		return
	}
	if c.tapped != nil {
		c.copyAnswer(c.route.tap, c.tapped, piece)
	}
}
