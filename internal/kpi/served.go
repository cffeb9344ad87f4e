package kpi

import "time"

// What follows is for the one goroutine that closes the strata, except where it
// says otherwise.

// Tick brings the served time, which only goes up.
func (r *Recorder) Tick(served time.Duration) {
	r.watch.tick(served)
	if r.ledger != nil {
		r.ledger.tick(served)
	}
}

// BeginStep begins a step of the plan: another split, and who is drawn by it is
// counted anew.
func (r *Recorder) BeginStep(step int) {
	r.watch.beginStep()
	if r.ledger != nil {
		r.ledger.turnEpoch(step)
	}
}

// Resume goes on with a step after a restart. Who was drawn in it before is not
// known, so drawn users are not counted until the next one.
func (r *Recorder) Resume(step int) {
	if r.ledger != nil {
		r.ledger.turnEpoch(step)
	}
}

// Resplit says that the candidate's share has changed within a step.
func (r *Recorder) Resplit(step int) {
	r.watch.unsettle()
	if r.ledger != nil {
		r.ledger.turnEpoch(step)
	}
}

// Divert says that the candidate's breaker sends its share to the baseline.
func (r *Recorder) Divert() { r.watch.divert() }

// Drain returns the measures of the stratum that ends now: what was metered
// since the last drain, and what outcomes brought to the requests of one epoch.
func (r *Recorder) Drain() (baseline, candidate Measures) {
	if r.ledger != nil {
		r.ledger.drain(r.meter)
	}
	return r.meter.Drain()
}

// Lose says how many requests waited for outcomes when the process before this
// one ended.
func (r *Recorder) Lose(requests uint64) {
	if r.ledger != nil {
		r.ledger.lose(requests)
	}
}

// Outcome joins what became known of a request. hold: while no counted request
// has its id, it waits some seconds for it (OutcomePending). From any goroutine.
func (r *Recorder) Outcome(o Outcome, hold bool) Result {
	if r.ledger == nil {
		return OutcomeUnjoined
	}
	return r.ledger.take(o, hold)
}

// Outcomes says how the joining goes; false when the policy joins none. From
// any goroutine.
func (r *Recorder) Outcomes() (OutcomeStats, bool) {
	if r.ledger == nil {
		return OutcomeStats{}, false
	}
	return r.ledger.stats(), true
}
