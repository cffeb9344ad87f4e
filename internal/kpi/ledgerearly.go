package kpi

import "time"

const (
	maxEarly  = 10_000           // outcomes that wait for their request
	earlyWait = 10 * time.Second // in served time
)

// early holds outcomes whose request is not known: payloads are read beside the
// path of requests, so an outcome can be there first. The oldest go when there
// is no room.
type early struct {
	queue []waiting
	first int              // the oldest of the queue that was not let go
	byID  map[uint64][]int // absolute numbers of waiting outcomes
	base  int              // number of queue[0]
	held  int
}

type waiting struct {
	outcome Outcome
	until   uint32
	gone    bool
}

// push lets the oldest go where there is no room.
func (e *early) push(o Outcome, now uint32, expired func(Outcome)) {
	if e.byID == nil {
		e.byID = map[uint64][]int{}
	}
	e.expire(now, expired)
	for e.held >= maxEarly || len(e.queue)-e.first >= 2*maxEarly {
		e.pop(expired)
	}
	e.queue = append(e.queue, waiting{outcome: o, until: now + units(earlyWait)})
	e.byID[o.ID] = append(e.byID[o.ID], e.base+len(e.queue)-1)
	e.held++
}

// claim hands out what waited for the request, in the order it came.
func (e *early) claim(id uint64, apply func(Outcome)) {
	if e.held == 0 {
		return
	}
	var waited []Outcome
	for _, number := range e.byID[id] {
		w := &e.queue[number-e.base]
		w.gone = true
		e.held--
		waited = append(waited, w.outcome)
	}
	delete(e.byID, id)
	for _, o := range waited { // with everything settled: apply may push
		apply(o)
	}
}

// expire lets go what has waited long enough.
func (e *early) expire(now uint32, expired func(Outcome)) {
	for e.first < len(e.queue) && (e.queue[e.first].gone || int32(now-e.queue[e.first].until) >= 0) {
		e.pop(expired)
	}
}

// pop removes the oldest from the queue, and tells of it unless it was claimed.
func (e *early) pop(expired func(Outcome)) {
	w := e.queue[e.first]
	e.queue[e.first] = waiting{gone: true}
	e.first++
	if !w.gone {
		e.held--
		e.forget(w.outcome.ID)
		expired(w.outcome)
	}
	if e.first > maxEarly || e.first == len(e.queue) {
		e.base += e.first
		e.queue = append(e.queue[:0], e.queue[e.first:]...)
		e.first = 0
	}
}

// forget drops the oldest number of the id.
func (e *early) forget(id uint64) {
	if rest := e.byID[id][1:]; len(rest) > 0 {
		e.byID[id] = rest
	} else {
		delete(e.byID, id)
	}
}
