package proxy

import (
	"bytes"
	"math/rand/v2"

	"github.com/headgate/headgate/canary"
)

// draw is which arm a request was given, and what its outcome may say.
type draw struct {
	arm      canary.Arm
	key      uint64
	sticky   bool // the key is a user's
	evidence bool // the outcome is recorded
	forced   bool
	newKey   bool // the answer sets the key's cookie
}

// drawArm decides where the request goes. No lock, no look-up, no allocation.
func (c *client) drawArm() draw {
	r := c.route
	if r.arms[canary.Candidate] == nil {
		return draw{}
	}
	if arm, ok := c.forcedArm(); ok {
		return draw{arm: arm, forced: true}
	}
	d := draw{evidence: r.assignment.Recorder != nil}
	split := r.assignment.Split
	key := c.userKey()
	switch {
	case len(key) > 0:
		d.key, d.sticky = split.Hash(key), true
	case r.config.Key.Missing == MissingBaseline:
		return draw{}
	case r.config.Key.Missing == MissingCookie:
		c.keyBuf = appendRandomID(c.keyBuf[:0])
		d.key, d.sticky, d.newKey = split.Hash(c.keyBuf), true, true
	default:
		d.key = rand.Uint64()
	}
	d.arm = split.Pick(d.key)
	if d.arm == canary.Candidate && r.arms[canary.Candidate].breaker.isOpen() {
		// The share goes to the baseline; these answers are evidence for nobody.
		d.arm, d.evidence = canary.Baseline, false
	}
	return d
}

// forcedArm is the arm that a tester from a configured network asks for.
func (c *client) forcedArm() (canary.Arm, bool) {
	f := c.route.config.Force
	if f == nil || !f.holds(c.remote) {
		return canary.Baseline, false
	}
	text := c.head.header(f.Header)
	if text == nil {
		text = c.head.cookie(f.Cookie)
	}
	switch string(text) {
	case "baseline":
		return canary.Baseline, true
	case "candidate":
		return canary.Candidate, true
	}
	if c.route.previews(hostName(c.head.host), c.remote) {
		return canary.Candidate, true
	}
	return canary.Baseline, false
}

func (c *client) userKey() []byte {
	k := &c.route.config.Key
	if key := c.head.header(k.Header); len(key) > 0 {
		return key
	}
	return c.head.cookie(k.Cookie)
}

// header returns the value of the first field of that name, nil without one.
func (h *requestHead) header(name string) []byte {
	if name == "" {
		return nil
	}
	for i := range h.fields {
		if len(h.fields[i].name) == len(name) && bytes.EqualFold(h.fields[i].name, []byte(name)) {
			return h.fields[i].value
		}
	}
	return nil
}

// cookie returns the value of the first cookie of that name, nil without one.
func (h *requestHead) cookie(name string) []byte {
	if name == "" || !h.cookies {
		return nil
	}
	for i := range h.fields {
		if !equalFold(h.fields[i].name, "cookie") {
			continue
		}
		for rest, more := h.fields[i].value, true; more; {
			var pair []byte
			pair, rest, more = bytes.Cut(rest, []byte{';'})
			if key, value, ok := bytes.Cut(trimBlanks(pair), []byte{'='}); ok && string(key) == name {
				return value
			}
		}
	}
	return nil
}
