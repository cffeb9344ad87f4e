package proxy

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/headgate/headgate/canary"
)

// exchange is one request and its answer. A connection's buffers are used
// again for its next one.
type exchange struct {
	table    *table
	route    *route // nil: no route takes the request
	draw     draw
	start    time.Time
	latency  time.Duration // to the answer, or to the head of a streamed one
	deadline time.Time
	closing  bool // the client's connection ends with this answer
	slot     bool // counted as in flight
	rescued  bool // the baseline answers for the candidate

	upstream     *upConn // claimed, or nil
	upstreamHead answerHead
	stream       stream

	id       []byte // the request's id
	body     []byte // of the request, while the handler runs
	bodyAt   int    // where the answer's body begins in answer
	streamed bool   // the answer's body passes through
	tapped   *tapped
	counted  bool // the answer is evidence
	mirrored mirrored
	keyBuf   []byte // a key made for the client
	outgoing []byte // what is sent to the upstream
}

// begin starts the exchange of a head that has just been read. From here on
// the request sees this table and no other.
func (c *client) begin(t *table) {
	c.table = t
	c.route = t.match(hostName(c.head.host), c.head.target, c.remote)
	c.draw, c.rescued, c.slot, c.upstream = draw{}, false, false, nil
	c.streamed, c.stream.events.on, c.body = false, false, nil
	c.counted = false
	c.mirrorDrop() // of an answer that was not written
	if validRequestID(c.head.requestID) {
		c.id = append(c.id[:0], c.head.requestID...)
	} else {
		c.id = appendRandomID(c.id[:0])
	}
}

// serve answers the request that fasthttp has read.
func (c *client) serve(ctx *fasthttp.RequestCtx) {
	c.start = time.Now()
	c.closing = c.head.close || c.proxy.draining.Load()
	if c.closing {
		ctx.SetConnectionClose()
	}
	ctx.Response.SkipBody = true // the answer is written with its head
	if string(c.head.target) == "*" {
		c.table.unrouted.add(statusNoContent)
		c.answer = c.appendOptions(c.answer[:0])
		return
	}
	if c.route == nil {
		c.table.unrouted.add(refuseRoute.status)
		c.reply(refuseRoute)
		return
	}
	if !c.enter() {
		c.table.unrouted.add(refuseBusy.status)
		c.reply(refuseBusy)
		return
	}
	c.deadline = c.start.Add(c.route.config.Timeout)
	c.draw = c.drawArm()
	body := ctx.Request.Body()
	c.body = body
	c.outgoing = c.appendRequestHead(c.outgoing[:0], len(body))

	c.mirrorRequest(body)
	r := c.attempt(ctx, c.draw.arm, body)
	c.note(c.draw.arm, r)
	if r.nothingSent() && c.draw.arm == canary.Candidate && !c.draw.forced {
		c.rescued, c.draw.evidence = true, false
		c.route.fallbacks.Inc()
		r = c.attempt(ctx, canary.Baseline, body)
		c.note(canary.Baseline, r)
	}
	c.conclude(ctx, r)
}

// attempt asks one arm, every upstream of it until something was sent.
func (c *client) attempt(ctx *fasthttp.RequestCtx, which canary.Arm, body []byte) result {
	r := resultUnreachable
	for u := range c.route.arms[which].inTurn() {
		if r = c.try(ctx, which, u, body); !r.nothingSent() {
			break
		}
	}
	return r
}

// staleTries bounds the connections of one upstream that may turn out to be
// closed at the first write, in the moment after they were looked at.
const staleTries = 3

// try asks one upstream.
func (c *client) try(ctx *fasthttp.RequestCtx, which canary.Arm, u *upstream, body []byte) result {
	for range staleTries {
		conn, err := u.pool.claim(c, time.Now(), c.deadline)
		switch {
		case err != nil && !time.Now().Before(c.deadline):
			return resultTimeout
		case errors.Is(err, errPoolFull):
			return resultFull
		case err != nil:
			return resultUnreachable
		}
		c.upstream = conn
		if r := c.roundTrip(ctx, which, body); r != resultUnreachable || !conn.reused {
			return r
		}
	}
	return resultUnreachable
}

// note counts the outcome of an attempt, once it is known.
func (c *client) note(which canary.Arm, r result) {
	if r == resultStreaming {
		return
	}
	c.route.metrics[which].attempts[r].Inc()
	if !c.draw.forced {
		c.route.arms[which].breaker.observe(r)
	}
	if r.lost() || r == resultGone {
		c.latency = time.Since(c.start)
	}
	if c.draw.evidence && r != resultGone {
		c.counted = c.record(which, r)
	}
}

// conclude ends the exchange, unless its body is still passing through.
func (c *client) conclude(ctx *fasthttp.RequestCtx, r result) {
	code := 0
	switch r {
	case resultStreaming:
		return
	case resultOK, resultStatus:
		code = c.upstreamHead.status
		c.mirrorAnswered()
	case resultGone:
		code = codeGone
		c.mute = true
		ctx.SetConnectionClose()
	default:
		refusal := r.refusal()
		code = refusal.status
		c.reply(refusal)
	}
	if !c.mirrored.due {
		c.mirrorDrop()
	}
	c.count(code)
	c.leave()
}

// count is the request as its client saw it, for the arm that was drawn.
func (c *client) count(code int) {
	m := c.route.metrics[c.draw.arm]
	m.codes.add(code)
	m.duration.Observe(c.latency.Seconds())
}

// reply makes the proxy's own answer the one that is written.
func (c *client) reply(r *refusal) {
	c.answer = appendProblem(c.answer[:0], r, c.id, problemFraming{
		close: c.closing, keepAlive: c.head.http10 && !c.closing, head: string(c.head.method) == "HEAD",
	})
}

// refused counts a request that did not get as far as a handler.
func (x *exchange) refused(p *Proxy, r *refusal) {
	p.table.Load().unrouted.add(r.status)
}

// enter takes a place among the requests in flight.
func (c *client) enter() bool {
	if c.proxy.inFlight.Add(1) > int64(c.table.config.Limits.InFlight) {
		c.proxy.inFlight.Add(-1)
		return false
	}
	c.slot = true
	return true
}

// leave gives the place back.
func (c *client) leave() {
	c.discard(c.tapped) // of a client that has left
	c.tapped, c.body = nil, nil
	if c.slot {
		c.slot = false
		c.proxy.inFlight.Add(-1)
	}
}

// abandon lets go of everything after a panic.
func (c *client) abandon() {
	if c.upstream != nil {
		c.release(false)
	}
	c.mirrorDrop()
	c.leave()
}

func (c *client) release(reuse bool) {
	u := c.upstream
	c.upstream = nil
	u.pool.release(u, reuse)
}
