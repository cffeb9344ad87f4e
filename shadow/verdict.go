package shadow

import (
	"time"
)

// outcome is what a pair says.
type outcome uint8

const (
	pairAgreed     outcome = iota
	pairNoise              // differs no more than the baseline does from itself
	pairDisagreed          // differs
	pairLearning           // the noise is not known yet: says nothing
	pairUncompared         // could not be compared: says nothing
	pairOutcomes           // how many there are
)

// pairNames are the results as metrics show them.
var pairNames = [pairOutcomes]string{"agreed", "noise", "disagreed", "learning", "uncompared"}

// compare holds the shadow's answer against the live one and counts what it
// says; true when the shadow's is a failure by the route's own rules. noisy: the
// baseline's noise is learnt on such requests.
func (e *engine) compare(c *Copy, o *outgoing, a answer, noisy bool) (failed bool) {
	by := <-e.comparers // what follows may take memory: few do it at the same time
	defer func() { e.comparers <- by }()
	limit := int64(e.config.Limits.MaxAnswer)
	live := c.reading(limit)
	shadow := read(a.status, a.contentType, a.encoding, a.body, a.cut, limit)
	failed = e.mirror.paired(c, o, a, &live, &shadow)
	f := by.pair(&live, &shadow)
	t := e.mirror.tally.Load()
	p := predict(&e.config.Compare, by, &live, &shadow, f)
	said := t.judge(by, f, p, noisy, a.latency-c.live.Latency)
	if said == pairDisagreed {
		t.samples.keep(e.sample(c, o, a, by, &live, &shadow, f))
	}
	e.mirror.reportPair(said)
	return failed
}

// learn holds the baseline's second answer against its first.
func (e *engine) learn(c *Copy, _ *outgoing, again answer) {
	by := <-e.comparers
	defer func() { e.comparers <- by }()
	limit := int64(e.config.Limits.MaxAnswer)
	live := c.reading(limit)
	second := read(again.status, again.contentType, again.encoding, again.body, again.cut, limit)
	if f := by.pair(&live, &second); f.problem == uncut {
		e.mirror.tally.Load().learn(by.places, predict(&e.config.Compare, by, &live, &second, f))
	}
}

// reading is the live answer.
func (c *Copy) reading(limit int64) reading {
	return read(c.live.Status, string(c.texts[:c.typed]), string(c.texts[c.typed:]), c.liveBody(), c.cut, limit)
}

// paired tells who wants to know.
func (m *Mirror) paired(c *Copy, o *outgoing, a answer, live, shadow *reading) (failed bool) {
	if m.options.OnPair == nil {
		return false
	}
	return m.options.OnPair(Pair{
		Counted: c.live.Counted,
		ID:      o.id, Method: o.method, Path: o.target, Request: c.requestBody(),
		Live:   Side{live.status, c.live.Latency, live.body, live.problem != uncut, eventStream(live.media)},
		Shadow: Side{shadow.status, a.latency, shadow.body, shadow.problem != uncut, eventStream(shadow.media)},
	})
}

// judge counts a pair and says what it is.
func (t *tally) judge(by *comparer, f finding, p predictions, noisy bool, slower time.Duration) outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.invalid.count(f.liveInvalid, f.shadowInvalid)
	t.nonFinite.count(f.liveNonFinite, f.shadowNonFinite)
	t.later(slower)
	t.predicted(p)
	said := t.decide(by, f, noisy)
	t.outcomes[said]++
	if said == pairUncompared {
		t.uncompared[f.problem]++
	}
	return said
}

func (t *tally) decide(by *comparer, f finding, noisy bool) outcome {
	differs := len(by.places) > 0
	switch {
	case f.problem != uncut && !differs:
		return pairUncompared
	case noisy && !t.noise.learnt():
		return pairLearning
	case noisy && t.noise.excuses(by.places, by.crowded):
		if differs {
			return pairNoise
		}
		return pairAgreed
	case differs:
		return pairDisagreed
	default:
		return pairAgreed
	}
}
