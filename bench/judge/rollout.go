package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
)

const (
	// tick is how often the simulated controller looks whether a stratum is due.
	tick = 250 * time.Millisecond
	// leastOpen is how long a stratum stays open at least: no look before it.
	leastOpen = time.Second
)

// decision of one rule in one rollout.
type decision struct {
	hit    bool    // the verdict that ends the run was reached
	after  float64 // seconds since the candidate turned bad, below 0 before that
	failed int     // requests that had failed on the bad candidate by then
}

// outcome is what each rule decided: ours first, then the peers in their order.
type outcome [1 + peerCount]decision

// rollout is one run in progress.
type rollout struct {
	world    *world
	rand     *rand.Rand
	judge    *judge.Judge
	counter  counter
	peers    *panel // nil when the row does not compare
	users    *crowd
	late     *outcomes // nil when none are simulated
	samplers *[2]*sampler
	bins     []uint16 // of the arm being drawn
	seq      uint64
	opened   time.Duration
	step     int
	failures int
	outcome  outcome
}

func (s setting) simulate(r *rand.Rand) (outcome, error) {
	run, err := s.rollout(r)
	if err != nil {
		return outcome{}, err
	}
	for now := time.Duration(0); now < s.world.length && !run.over(); {
		now = run.advance(now)
	}
	return run.outcome, nil
}

// advance serves and judges the next piece of the rollout and returns its end.
func (run *rollout) advance(now time.Duration) time.Duration {
	run.enter(now)
	next := run.next(now)
	run.serve(now, next)
	run.look(next)
	return next
}

// setting is a world made ready: what its runs share.
type setting struct {
	world    *world
	config   judge.Config
	layout   *kpi.Layout
	samplers *[2]*sampler
	compare  bool
}

func newSetting(w world, compare bool) setting {
	c := judge.Config{FalseRollback: w.alpha, Gates: w.gates}
	s := setting{world: &w, config: c, layout: kpi.NewLayout(c.Thresholds()...), compare: compare}
	if w.slower > 0 {
		s.samplers = &[2]*sampler{newSampler(s.layout, 1, w.spread), newSampler(s.layout, w.slower, w.spread)}
	}
	return s
}

func (s setting) rollout(r *rand.Rand) (*rollout, error) {
	w := s.world
	j, err := judge.New(s.config, s.layout, w.length)
	if err != nil {
		return nil, fmt.Errorf("make the judge: %w", err)
	}
	run := &rollout{world: w, rand: r, judge: j, step: -1, samplers: s.samplers}
	if w.sticky {
		run.users = newCrowd(int(w.rate(0)*usersPerRate), w.every, r)
	}
	run.counter = newDirect(s.layout, w.slower > 0, run.users)
	if w.record {
		run.counter = &recorded{recorder: kpi.NewRecorder(s.layout, kpi.Config{}), users: w.sticky}
	}
	if w.late != nil {
		run.late = newOutcomes(w.late)
	}
	if s.compare {
		run.peers = newPanel(s.layout, w.evidence())
	}
	run.learn(newDirect(s.layout, w.slower > 0, nil))
	return run, nil
}

// learn feeds the baseline's history.
func (run *rollout) learn(c *direct) {
	n := int(run.world.history)
	failures := 0
	if !run.world.clean {
		failures = min(n, poisson(float64(n)*run.world.base(0), run.rand))
	}
	c.add(kpi.Baseline, failures, n-failures, run.latencies(kpi.Baseline, n-failures, 0))
	b, _ := c.take()
	run.judge.Add(kpi.Stratum{Seq: run.seq, Step: -1, Baseline: b})
}

// over says that every rule has decided.
func (run *rollout) over() bool {
	return run.outcome[0].hit && (run.peers == nil || run.peers.over())
}

// enter begins the step of the moment, with a stratum of its own.
func (run *rollout) enter(now time.Duration) {
	step := run.world.step(now)
	if step == run.step {
		return
	}
	run.close(now)
	run.step = step
	run.judge.BeginStep(step)
}

// next is how far traffic can be drawn in one piece: nothing looks before that.
func (run *rollout) next(now time.Duration) time.Duration {
	w := run.world
	limit := min(w.length, now.Truncate(time.Minute)+time.Minute)
	if step := w.length / time.Duration(len(w.steps)) * time.Duration(run.step+1); step > now {
		limit = min(limit, step)
	}
	if run.outcome[0].hit {
		return limit
	}
	if due := run.opened + leastOpen; due > now {
		return min(limit, due)
	}
	return min(limit, now+tick)
}

// look lets every rule see what was served until now.
func (run *rollout) look(now time.Duration) {
	if run.peers != nil && now%time.Minute == 0 {
		for i, back := range run.peers.minute() {
			if back {
				run.decide(1+i, now)
			}
		}
	}
	if run.outcome[0].hit || !kpi.CloseDue(now-run.opened, run.counter.open()) {
		return
	}
	run.close(now)
	if run.judge.Verdict() == run.world.until {
		run.decide(0, now)
	}
}

func (run *rollout) decide(rule int, now time.Duration) {
	run.outcome[rule] = decision{hit: true, after: (now - run.world.bad).Seconds(), failed: run.failures}
}

func (run *rollout) close(now time.Duration) {
	if now == run.opened || run.outcome[0].hit {
		return
	}
	b, c := run.counter.take()
	if run.late != nil {
		b.Measures, c.Measures = run.late.take(kpi.Baseline), run.late.take(kpi.Candidate)
	}
	run.seq++
	run.judge.Add(kpi.Stratum{Seq: run.seq, Step: run.step, From: run.opened, To: now, Baseline: b, Candidate: c})
	run.opened = now
}
