package main

import (
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// counter collects the open stratum.
type counter interface {
	// add counts outcomes; bins are the latencies of the successes, empty when
	// none are simulated.
	add(arm, failures, successes int, bins []uint16)
	// user counts one outcome of a sticky user.
	user(arm, user int, failed bool)
	open() uint64 // candidate requests in the open stratum
	// take closes the stratum. The counts are valid until the next add.
	take() (baseline, candidate kpi.Counts)
}

// direct counts without the recorder, for long rows at high rates.
type direct struct {
	counts [2]kpi.Counts
	bins   [2][]uint64 // nil when no latencies are simulated
	users  *crowd
}

func newDirect(l *kpi.Layout, latencies bool, users *crowd) *direct {
	c := &direct{users: users}
	for arm := range c.bins {
		if latencies {
			c.bins[arm] = make([]uint64, l.Bins())
		}
	}
	return c
}

func (c *direct) add(arm, failures, successes int, bins []uint16) {
	c.counts[arm].Requests += uint64(failures + successes)
	c.counts[arm].Failures += uint64(failures)
	for _, bin := range bins {
		c.bins[arm][bin]++
	}
}

func (c *direct) user(arm, user int, failed bool) {
	counts := &c.counts[arm]
	if !c.users.counts(arm, user) {
		counts.Repeats++
		return
	}
	counts.Requests++
	if failed {
		counts.Failures++
	}
}

func (c *direct) open() uint64 { return c.counts[kpi.Candidate].Requests }

func (c *direct) take() (baseline, candidate kpi.Counts) {
	var out [2]kpi.Counts
	for arm := range c.counts {
		latency := c.counts[arm].Latency[:0]
		for i, n := range c.bins[arm] {
			if n > 0 {
				latency = append(latency, kpi.Bin{Index: i, Count: n})
				c.bins[arm][i] = 0
			}
		}
		out[arm] = c.counts[arm]
		out[arm].Latency = latency
		c.counts[arm] = kpi.Counts{Latency: latency}
	}
	return out[kpi.Baseline], out[kpi.Candidate]
}

// recorded counts through the recorder of the hot path and its snapshots.
type recorded struct {
	recorder *kpi.Recorder
	last     *kpi.Snapshot
	pending  uint64
	users    bool // repeats count for nothing: only a snapshot knows how many did
}

func (c *recorded) add(arm, failures, successes int, bins []uint16) {
	for range failures {
		c.recorder.Record(arm, kpi.Sample{Failed: true})
	}
	for i := range successes {
		s := kpi.Sample{}
		if len(bins) > 0 {
			s.Latency = c.latency(bins[i])
		}
		c.recorder.Record(arm, s)
	}
	if arm == kpi.Candidate {
		c.pending += uint64(failures + successes)
	}
}

// latency is one that lies in the bin.
func (c *recorded) latency(bin uint16) time.Duration {
	layout := c.recorder.Layout()
	if edge, ok := layout.Edge(int(bin)); ok {
		return edge
	}
	slowest, _ := layout.Edge(int(bin) - 1)
	return slowest + 1
}

func (c *recorded) user(arm, user int, failed bool) {
	c.recorder.Record(arm, kpi.Sample{Key: uint64(user) + 1, Sticky: true, Failed: failed})
}

func (c *recorded) open() uint64 {
	if !c.users {
		return c.pending
	}
	_, candidate := c.recorder.Snapshot().Since(c.last)
	return candidate.Requests
}

func (c *recorded) take() (baseline, candidate kpi.Counts) {
	now := c.recorder.Snapshot()
	baseline, candidate = now.Since(c.last)
	c.last, c.pending = now, 0
	return baseline, candidate
}
