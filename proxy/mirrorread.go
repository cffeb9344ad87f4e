package proxy

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/payload"
	"github.com/headgate/headgate/shadow"
)

// mirrorTap is what is read of the shadow's answers for one assignment.
// Immutable.
type mirrorTap struct {
	tap    *routeTap // nil: nothing is evidence
	errors *payload.Errors
}

var unpackers = sync.Pool{New: func() any { return new(payload.Unpacker) }}

// paired reads the shadow's answer as the tap reads those that users get: it is
// evidence of the candidate where the live answer is of the baseline. It says
// whether the route's rules make it a failure. On a worker of the mirror.
func (m *mirror) paired(p shadow.Pair) (failed bool) {
	r := m.reads.Load()
	if r == nil {
		return false
	}
	failed = r.errors.Status(p.Shadow.Status)
	if r.tap == nil {
		return failed
	}
	var out payload.Reading
	if !p.Shadow.Events && r.tap.reads(p.Method) {
		out = r.tap.readPair(p)
		m.metrics.tap.count(&out)
		if r.tap.rules && out.Unchecked {
			m.metrics.tap.unchecked.Inc()
		}
	}
	if !p.Counted {
		return failed || out.Failed
	}
	f := out.Facts
	if r.tap.keyed && p.Shadow.Status < 300 {
		f.ID = kpi.RequestKey(p.ID)
	}
	if f.ID != 0 || f.Checked || f.Rows != nil || f.Inputs != nil {
		r.tap.recorder.ObserveShadow(f)
	}
	return failed || out.Failed
}

// readPair reads the bodies of the copy and of the shadow's answer.
func (t *routeTap) readPair(p shadow.Pair) payload.Reading {
	x := payload.Exchange{Status: p.Shadow.Status}
	most := int(t.maxBody)
	if t.answer {
		switch {
		case p.Shadow.Cut || len(p.Shadow.Body) > most:
			x.AnswerTrouble = payload.TooLarge
		default:
			x.Answer = p.Shadow.Body
		}
	}
	if t.request {
		if x.Request = p.Request; len(x.Request) > most {
			x.Request, x.RequestTrouble = nil, payload.TooLarge
		} else if packed(x.Request) {
			u := unpackers.Get().(*payload.Unpacker)
			defer unpackers.Put(u)
			x.Request, x.RequestTrouble = u.Unpack(x.Request, most)
		}
	}
	return t.reader.Read(x)
}

// packed says whether a body is gzip by its first bytes, which no text begins
// with.
func packed(body []byte) bool { return len(body) > 2 && body[0] == 0x1f && body[1] == 0x8b }

// mirrorMetrics are those of the arm shadow, resolved when the mirror is made.
type mirrorMetrics struct {
	codes    *codeCounters
	duration prometheus.Observer
	attempts [results]prometheus.Counter
	tap      tapMetrics
}

func (m *metrics) ofMirror(route string) *mirrorMetrics {
	out := &mirrorMetrics{
		codes: m.ofCodes(route, shadowArm), duration: m.duration.WithLabelValues(route, shadowArm),
		tap: m.tap.ofArm(route, shadowArm),
	}
	for _, r := range []result{resultOK, resultStatus, resultUnreachable, resultBroken, resultTimeout} {
		out.attempts[r] = m.attempts.WithLabelValues(route, shadowArm, r.String())
	}
	return out
}

// ended counts a copy that was sent. On a worker of the mirror.
func (m *mirrorMetrics) ended(e shadow.End) {
	r, code := resultBroken, e.Code
	if code < 100 || code >= len(m.codes.known) {
		code = refuseBroken.status // no status of HTTP
	}
	switch {
	case e.OK:
		r = ofStatus(code)
	case e.Failure == shadow.FailConnect:
		r = resultUnreachable
	case e.Failure == shadow.FailTimeout:
		r = resultTimeout
	}
	m.attempts[r].Inc()
	m.codes.add(code)
	m.duration.Observe(e.Latency.Seconds())
}
