package proxy

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/canary"
)

// nowhere is the label of requests that no route has taken.
const nowhere = "none"

// codeGone is the code counted when the client left before its answer; it is
// the one that nginx logs.
const codeGone = 499

// metrics are the data plane's, as design and documentation name them.
type metrics struct {
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	attempts  *prometheus.CounterVec
	fallbacks *prometheus.CounterVec
	breaker   *prometheus.GaugeVec
	panics    prometheus.Counter
	accept    prometheus.Counter
	tap       tapVectors
}

// DurationBuckets are the upper edges of headgate_request_duration_seconds, in
// seconds: rules on a limit that is none of them are approximate.
func DurationBuckets() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .15, .2, .3, .5, 1, 2.5, 5, 10, 30}
}

func newMetrics(reg prometheus.Registerer, inFlight, open func() float64) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		requests: counter("headgate_requests_total", "Answered requests by the arm that was drawn and the code that the client got.", "route", "arm", "code"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "headgate_request_duration_seconds", Help: "Time to the answer, or to the head of a streamed one.",
			Buckets: DurationBuckets(),
		}, []string{"route", "arm"}),
		attempts:  counter("headgate_attempts_total", "Attempts to get an answer from an arm.", "route", "arm", "result"),
		fallbacks: counter("headgate_fallbacks_total", "Requests that the baseline answered because the candidate could not be reached.", "route"),
		breaker:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "headgate_breaker_open", Help: "1 while the breaker of an arm is open."}, []string{"route", "arm"}),
		panics:    prometheus.NewCounter(prometheus.CounterOpts{Name: "headgate_panics_total", Help: "Recovered panics of the data plane."}),
		tap:       newTapVectors(),
		accept:    prometheus.NewCounter(prometheus.CounterOpts{Name: "headgate_accept_errors_total", Help: "Connections that could not be accepted, mostly for want of file descriptors."}),
	}
	reg.MustRegister(m.requests, m.duration, m.attempts, m.fallbacks, m.breaker, m.panics, m.accept,
		m.tap.unread, m.tap.invalid, m.tap.unchecked,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "headgate_requests_in_flight", Help: "Requests being answered."}, inFlight),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "headgate_client_connections", Help: "Open client connections."}, open))
	return m
}

// forget drops the series of a route that is no longer served.
func (m *metrics) forget(route string) {
	labels := prometheus.Labels{"route": route}
	for _, v := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{m.requests, m.duration, m.attempts, m.fallbacks, m.breaker, m.tap.unread, m.tap.invalid, m.tap.unchecked} {
		v.DeletePartialMatch(labels)
	}
}

// armMetrics are one arm's children, resolved when the table is built.
type armMetrics struct {
	duration prometheus.Observer
	attempts [results]prometheus.Counter
	breaker  prometheus.Gauge
	codes    *codeCounters
}

func (m *metrics) ofArm(route string, arm canary.Arm) *armMetrics {
	a := &armMetrics{
		duration: m.duration.WithLabelValues(route, arm.String()),
		breaker:  m.breaker.WithLabelValues(route, arm.String()),
		codes:    m.ofCodes(route, arm.String()),
	}
	for r := range results {
		if r != resultStreaming {
			a.attempts[r] = m.attempts.WithLabelValues(route, arm.String(), r.String())
		}
	}
	return a
}

// showBreaker sets the gauge of the arm's breaker.
func (a *armMetrics) showBreaker(open bool) {
	if open {
		a.breaker.Set(1)
		return
	}
	a.breaker.Set(0)
}

// codeCounters finds a code's counter without a look-up by label, after the
// first time.
type codeCounters struct {
	vec        *prometheus.CounterVec
	route, arm string
	known      [600]atomic.Pointer[prometheus.Counter]
}

func (m *metrics) ofCodes(route, arm string) *codeCounters {
	return &codeCounters{vec: m.requests, route: route, arm: arm}
}

func (c *codeCounters) add(code int) {
	if known := c.known[code].Load(); known != nil {
		(*known).Inc()
		return
	}
	counter := c.vec.WithLabelValues(c.route, c.arm, strconv.Itoa(code))
	c.known[code].Store(&counter)
	counter.Inc()
}
