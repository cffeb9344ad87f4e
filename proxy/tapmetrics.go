package proxy

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/payload"
)

// tapVectors are the counters of the tap.
type tapVectors struct {
	unread    *prometheus.CounterVec
	invalid   *prometheus.CounterVec
	unchecked *prometheus.CounterVec
}

func newTapVectors() tapVectors {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return tapVectors{
		unread:    counter("headgate_payload_unread_total", "Payloads of counted requests that could not be read, by the reason.", "route", "arm", "reason"),
		invalid:   counter("headgate_invalid_input_total", "Counted requests that break the data contract, by the rule.", "route", "arm", "rule"),
		unchecked: counter("headgate_errors_unchecked_total", "Counted requests whose answer could not be held against errors.body and counts as its status says.", "route", "arm"),
	}
}

// tapMetrics are one arm's. What is counted on the path of requests is resolved
// when the table is built, the rest is looked up by the worker.
type tapMetrics struct {
	vectors    *tapVectors
	route, arm string
	full       prometheus.Counter // no place in the queue
	noRoom     prometheus.Counter // no room for the bodies
	unchecked  prometheus.Counter
}

// Reasons beside those of a payload.Trouble.
const (
	unreadQueue = "queue_full"
	unreadRoom  = "no_room"
)

func (v *tapVectors) ofRoute(route string) *[2]tapMetrics {
	var out [2]tapMetrics
	for _, which := range []canary.Arm{canary.Baseline, canary.Candidate} {
		out[which] = v.ofArm(route, which.String())
	}
	return &out
}

func (v *tapVectors) ofArm(route, arm string) tapMetrics {
	return tapMetrics{
		vectors: v, route: route, arm: arm,
		full:      v.unread.WithLabelValues(route, arm, unreadQueue),
		noRoom:    v.unread.WithLabelValues(route, arm, unreadRoom),
		unchecked: v.unchecked.WithLabelValues(route, arm),
	}
}

// noPlace counts an exchange that the queue has not taken.
func (m *tapMetrics) noPlace(unchecked bool) {
	m.full.Inc()
	if unchecked {
		m.unchecked.Inc()
	}
}

// count is what a reading has found. On the worker.
func (m *tapMetrics) count(r *payload.Reading) {
	if r.RequestTrouble != payload.Fine {
		m.vectors.unread.WithLabelValues(m.route, m.arm, "request_"+r.RequestTrouble.String()).Inc()
	}
	if r.AnswerTrouble != payload.Fine {
		m.vectors.unread.WithLabelValues(m.route, m.arm, "answer_"+r.AnswerTrouble.String()).Inc()
	}
	for b := range payload.Breaches {
		if r.Breaches.Has(b) {
			m.vectors.invalid.WithLabelValues(m.route, m.arm, b.String()).Inc()
		}
	}
}
