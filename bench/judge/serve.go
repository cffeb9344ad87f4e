package main

import (
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// serve draws what both arms are asked and how they answer. Poisson counts per
// arm and outcome are exactly what one draw per request would add up to.
func (run *rollout) serve(from, to time.Duration) {
	w, t := run.world, (from+to).Seconds()/2
	arrivals := w.rate(t) * (to - from).Seconds()
	share := min(1, w.steps[run.step]*w.share(t))
	if run.late != nil {
		run.serveLate(from, to)
	}
	if run.users != nil {
		run.serveUsers(poisson(arrivals/session, run.rand), share, from)
		return
	}
	rates := [2]float64{w.base(t), w.cand(t)}
	for arm, mean := range [2]float64{arrivals * (1 - share), arrivals * share} {
		failures := poisson(mean*rates[arm], run.rand)
		successes := poisson(mean*(1-rates[arm]), run.rand)
		bins := run.latencies(arm, successes, from)
		if !run.outcome[0].hit {
			run.counter.add(arm, failures, successes, bins)
		}
		if run.peers != nil && run.late == nil {
			run.peers.add(arm, failures, successes, bins)
		}
		run.fail(arm, failures, from)
	}
}

// latencies draws the bins of one arm's successes.
func (run *rollout) latencies(arm, n int, now time.Duration) []uint16 {
	if run.samplers == nil {
		return nil
	}
	s := run.samplers[kpi.Baseline]
	if arm == kpi.Candidate && now >= run.world.bad {
		s = run.samplers[kpi.Candidate]
	}
	run.bins = run.bins[:0]
	for range n {
		run.bins = append(run.bins, s.bin(run.rand))
	}
	return run.bins
}

// serveUsers draws sessions one by one: who comes decides how they end.
func (run *rollout) serveUsers(sessions int, share float64, now time.Duration) {
	for range sessions {
		arm, user, failed := run.users.visit(share, run.rand)
		failures := 0
		if failed {
			failures = session
		}
		for range session {
			if !run.outcome[0].hit {
				run.counter.user(arm, user, failed)
			}
		}
		if run.peers != nil {
			run.peers.add(arm, failures, session-failures, nil)
		}
		run.fail(arm, failures, now)
	}
}

// fail counts what users of the bad candidate had to bear.
func (run *rollout) fail(arm, failures int, now time.Duration) {
	if arm == kpi.Candidate && now >= run.world.bad {
		run.failures += failures
	}
}
