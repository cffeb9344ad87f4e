package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
)

// tick is how often the simulated controller looks whether a stratum is due.
const tick = 250 * time.Millisecond

// outcome of one simulated rollout.
type outcome struct {
	hit    bool    // the verdict that ends the run was reached
	after  float64 // seconds since the candidate turned bad, or since the start
	failed int     // requests that failed on the candidate until then
}

// rollout is one run in progress.
type rollout struct {
	world    world
	rand     *rand.Rand
	judge    *judge.Judge
	counter  counter
	seq      uint64
	opened   time.Duration
	step     int
	failures int
}

// counter collects the open stratum.
type counter interface {
	add(arm, failures, successes int, l latencies, r *rand.Rand)
	open() uint64 // candidate requests in the open stratum
	take() (baseline, candidate kpi.Counts)
}

func simulate(w world, r *rand.Rand) (outcome, error) {
	run, err := newRollout(w, r)
	if err != nil {
		return outcome{}, err
	}
	for now := time.Duration(0); now < w.length; now += tick {
		if step := int(int64(len(w.steps)) * int64(now) / int64(w.length)); step != run.step {
			run.close(now)
			run.step = step
			run.judge.BeginStep(step)
		}
		run.serve(now)
		end := now + tick
		if !kpi.CloseDue(end-run.opened, run.counter.open()) {
			continue
		}
		run.close(end)
		if run.judge.Verdict() == w.until {
			return outcome{hit: true, after: (end - w.bad).Seconds(), failed: run.failures}, nil
		}
	}
	return outcome{after: math.Inf(1), failed: run.failures}, nil
}

func newRollout(w world, r *rand.Rand) (*rollout, error) {
	c := judge.Config{FalseRollback: w.alpha, Gates: w.gates}
	layout := kpi.NewLayout(c.Thresholds()...)
	j, err := judge.New(c, layout, w.length)
	if err != nil {
		return nil, fmt.Errorf("make the judge: %w", err)
	}
	run := &rollout{world: w, rand: r, judge: j, step: -1, counter: &direct{layout: layout}}
	if w.record {
		run.counter = &recorded{recorder: kpi.NewRecorder(layout)}
	}
	run.learn(&direct{layout: layout})
	return run, nil
}

// learn feeds the baseline's history.
func (run *rollout) learn(c *direct) {
	n := int(run.world.history)
	failures := 0
	if !run.world.clean {
		failures = poisson(float64(n)*run.world.base(0), run.rand)
	}
	c.add(kpi.Baseline, failures, n-failures, latenciesOf(run.world, kpi.Baseline, 0), run.rand)
	b, _ := c.take()
	run.judge.Add(kpi.Stratum{Seq: run.seq, Step: -1, Baseline: b})
}

// serve draws what happens in one tick.
func (run *rollout) serve(now time.Duration) {
	w, t := run.world, now.Seconds()
	arrivals := w.rate(t) * tick.Seconds()
	share := min(1, w.steps[run.step]*w.share(t))
	for arm, mean := range [2]float64{arrivals * (1 - share), arrivals * share} {
		p := [2]func(float64) float64{w.base, w.cand}[arm](t)
		failures := poisson(mean*p, run.rand)
		run.counter.add(arm, failures, poisson(mean*(1-p), run.rand), latenciesOf(w, arm, now), run.rand)
		if arm == kpi.Candidate && now >= w.bad {
			run.failures += failures
		}
	}
}

// latencies of an arm; none are simulated when factor is 0.
type latencies struct{ factor, spread float64 }

func latenciesOf(w world, arm int, now time.Duration) latencies {
	switch {
	case w.slower == 0:
		return latencies{}
	case arm == kpi.Candidate && now >= w.bad:
		return latencies{w.slower, w.spread}
	}
	return latencies{1, w.spread}
}

func (run *rollout) close(now time.Duration) {
	if now == run.opened {
		return
	}
	b, c := run.counter.take()
	run.seq++
	run.judge.Add(kpi.Stratum{Seq: run.seq, Step: run.step, From: run.opened, To: now, Baseline: b, Candidate: c})
	run.opened = now
}

// recorded counts through the recorder of the hot path and its snapshots.
type recorded struct {
	recorder *kpi.Recorder
	last     *kpi.Snapshot
	pending  uint64
}

func (c *recorded) add(arm, failures, successes int, l latencies, r *rand.Rand) {
	for range failures {
		c.recorder.Record(arm, kpi.Sample{Failed: true})
	}
	for range successes {
		s := kpi.Sample{}
		if l.factor > 0 {
			s.Latency = latency(l.factor, l.spread, r)
		}
		c.recorder.Record(arm, s)
	}
	if arm == kpi.Candidate {
		c.pending += uint64(failures + successes)
	}
}

func (c *recorded) open() uint64 { return c.pending }

func (c *recorded) take() (baseline, candidate kpi.Counts) {
	now := c.recorder.Snapshot()
	baseline, candidate = now.Since(c.last)
	c.last, c.pending = now, 0
	return baseline, candidate
}

// direct counts without the recorder, for long rows at high rates.
type direct struct {
	layout *kpi.Layout
	counts [2]kpi.Counts
	bins   [2][]uint64
}

func (c *direct) add(arm, failures, successes int, l latencies, r *rand.Rand) {
	counts := &c.counts[arm]
	counts.Requests += uint64(failures + successes)
	counts.Failures += uint64(failures)
	if c.bins[arm] == nil {
		c.bins[arm] = make([]uint64, c.layout.Bins())
	}
	if l.factor == 0 {
		c.bins[arm][0] += uint64(successes)
		return
	}
	for range successes {
		c.bins[arm][c.layout.Bin(latency(l.factor, l.spread, r))]++
	}
}

func (c *direct) open() uint64 { return c.counts[kpi.Candidate].Requests }

func (c *direct) take() (baseline, candidate kpi.Counts) {
	for arm := range c.counts {
		for i, n := range c.bins[arm] {
			if n > 0 {
				c.counts[arm].Latency = append(c.counts[arm].Latency, kpi.Bin{Index: i, Count: n})
				c.bins[arm][i] = 0
			}
		}
	}
	baseline, candidate = c.counts[kpi.Baseline], c.counts[kpi.Candidate]
	c.counts = [2]kpi.Counts{}
	return baseline, candidate
}
