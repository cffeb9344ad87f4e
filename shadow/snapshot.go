package shadow

import (
	"maps"

	"github.com/headgate/headgate/internal/kpi"
)

// Snapshot is the state of a mirror at one moment.
type Snapshot struct {
	Route    string   `json:"route"`
	Share    Share    `json:"share"`
	Requests Requests `json:"requests"` // since the mirror was made
	Compared Compared `json:"compared"` // since the last reset
}

// Requests count copies. At rest Offered = Sent + all Dropped, and Sent =
// Answered + all Failed; in between the rest of either is on its way.
type Requests struct {
	Offered  uint64            `json:"offered"` // drawn, and of a method and path that are mirrored
	Skipped  uint64            `json:"skipped"` // drawn, but of another method or path; not offered
	Sent     uint64            `json:"sent"`
	Answered uint64            `json:"answered"`
	Dropped  map[string]uint64 `json:"dropped,omitempty"` // by reason
	Failed   map[string]uint64 `json:"failed,omitempty"`  // by kind
	// Repeated were sent to the baseline a second time; of these RepeatFailed
	// had no answer.
	Repeated     uint64 `json:"repeated"`
	RepeatFailed uint64 `json:"repeat_failed"`
	Panics       uint64 `json:"panics"`
	Bytes        int64  `json:"bytes"`  // held at the moment
	Queued       int    `json:"queued"` // at the moment
}

// Compared is the evidence.
type Compared struct {
	// Requests were answered or given up; of these Failures were given up or
	// answered with a status of 500 and more.
	Requests uint64 `json:"requests"`
	Failures uint64 `json:"failures"`
	// Pairs were compared; Agreed of them agree, Noise of those only because
	// the baseline differs from itself as much.
	Pairs      uint64            `json:"pairs"`
	Agreed     uint64            `json:"agreed"`
	Noise      uint64            `json:"noise"`
	Disagreed  uint64            `json:"disagreed"`
	Learning   uint64            `json:"learning"`             // came before the noise was known
	Uncompared map[string]uint64 `json:"uncompared,omitempty"` // by what stood in the way

	InvalidJSON PerSide `json:"invalid_json"` // called JSON, and none
	NonFinite   PerSide `json:"non_finite"`   // held a bare NaN or infinity

	Latency kpi.Latency `json:"latency,omitempty"` // of the shadow, by the layout's bins
	P50     float64     `json:"latency_p50_s"`
	P95     float64     `json:"latency_p95_s"`
	P99     float64     `json:"latency_p99_s"`
	Slower  kpi.Latency `json:"slower,omitempty"` // than the live answer, by so much
	Faster  kpi.Latency `json:"faster,omitempty"`

	Predictions *Predictions `json:"predictions,omitempty"`
	Scores      *Scores      `json:"scores,omitempty"`
	Self        Self         `json:"self"`
}

// PerSide counts something on either side.
type PerSide struct {
	Live   uint64 `json:"live"`
	Shadow uint64 `json:"shadow"`
}

// Predictions is how the predictions agree.
type Predictions struct {
	Answers   Agreement  `json:"answers"` // all their predictions alike
	Rows      Agreement  `json:"rows"`    // one by one
	Missing   PerSide    `json:"missing"` // answers without any
	Confusion *Confusion `json:"confusion,omitempty"`
}

// Scores are the inputs of PSI and KS, and both.
type Scores struct {
	Scale  kpi.Scale `json:"scale"`
	Live   kpi.Bins  `json:"live"`
	Shadow kpi.Bins  `json:"shadow"`
	// Difference counts shadow − live, on a scale from −width to width.
	Difference kpi.Bins `json:"difference"`
	PSI        *float64 `json:"psi,omitempty"` // less what chance shows; nil: too few scores
	KS         *float64 `json:"ks,omitempty"`
}

// Self is what is known of the baseline's own noise.
type Self struct {
	Wanted   uint64    `json:"wanted"` // pairs from which on the noise is known; 0: none is learnt
	Pairs    uint64    `json:"pairs"`
	Differed uint64    `json:"differed"`
	Places   int       `json:"places"`
	Rows     Agreement `json:"rows"` // of predictions
}

// Snapshot returns the state. Each number is exact; numbers that change while
// it is taken may be of slightly different moments.
func (m *Mirror) Snapshot() Snapshot {
	s := Snapshot{Route: m.route, Share: Share(m.share.Load()), Requests: m.requests()}
	t := m.tally.Load()
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Compared = t.snapshot()
	return s
}

// requests reads the ends before the beginnings, so that never more copies
// have ended than begun.
func (m *Mirror) requests() Requests {
	c := &m.counters
	r := Requests{Dropped: map[string]uint64{}, Failed: map[string]uint64{}}
	for f := range failures {
		if n := c.failed[f].Load(); n > 0 {
			r.Failed[f.String()] = n
		}
	}
	r.Answered = c.answered.Load()
	for d := range reasons {
		if n := c.dropped[d].Load(); n > 0 {
			r.Dropped[d.String()] = n
		}
	}
	r.RepeatFailed, r.Repeated = c.repeatFailed.Load(), c.repeated.Load()
	r.Sent = c.sent.Load()
	r.Offered, r.Skipped, r.Panics = c.offered.Load(), c.skipped.Load(), c.panics.Load()
	if e := m.engine.Load(); e != nil {
		r.Bytes, r.Queued = e.bytes.Load(), len(e.queue)
	}
	return r
}

// snapshot is taken with the lock held.
func (t *tally) snapshot() Compared {
	c := Compared{
		Requests: t.requests, Failures: t.failures,
		Agreed: t.outcomes[pairAgreed] + t.outcomes[pairNoise], Noise: t.outcomes[pairNoise],
		Disagreed: t.outcomes[pairDisagreed], Learning: t.outcomes[pairLearning], Uncompared: maps.Clone(t.uncompared),
		InvalidJSON: PerSide{t.invalid[0], t.invalid[1]}, NonFinite: PerSide{t.nonFinite[0], t.nonFinite[1]},
		Latency: t.latency.sparse(), Slower: t.slower.sparse(), Faster: t.faster.sparse(),
		Self: Self{Wanted: t.noise.wanted, Pairs: t.noise.pairs, Differed: t.noise.differed, Places: len(t.noise.places), Rows: t.selfRows},
	}
	c.Pairs = c.Agreed + c.Disagreed
	c.P50, c.P95, c.P99 = t.quantile(c.Latency, .5), t.quantile(c.Latency, .95), t.quantile(c.Latency, .99)
	if t.pairs.N > 0 || t.missing != (sides{}) {
		c.Predictions = &Predictions{t.pairs, t.rows, PerSide{t.missing[0], t.missing[1]}, t.classes.snapshot()}
	}
	if len(t.scores[0])+len(t.scores[1]) > 0 {
		c.Scores = t.scored()
	}
	return c
}

// quantile is in seconds, 0 when there is none; failures are slower than all.
func (t *tally) quantile(bins kpi.Latency, q float64) float64 {
	d, ok := t.layout.Quantile(kpi.Counts{Requests: t.requests, Failures: t.failures, Latency: bins}, q)
	if !ok {
		return 0
	}
	return d.Seconds()
}

func (t *tally) scored() *Scores {
	s := &Scores{Scale: t.scale, Live: t.scores[0].sparse(), Shadow: t.scores[1].sparse(), Difference: t.difference.sparse()}
	if v, ok := psi(t.scores[0], t.scores[1]); ok {
		s.PSI = &v
	}
	if v, ok := ks(t.scores[0], t.scores[1]); ok {
		s.KS = &v
	}
	return s
}
