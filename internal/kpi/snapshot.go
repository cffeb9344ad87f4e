package kpi

// Snapshot is the state of all counters at one moment, cumulative since the
// recorder was made. It is immutable. The zero Snapshot is a recorder that has
// counted nothing.
type Snapshot struct {
	arms [arms][]uint64
}

// Snapshot sums the shards: some microseconds. It also makes room for keys, so
// that Record rarely has to.
func (r *Recorder) Snapshot() *Snapshot {
	s := &Snapshot{}
	size := r.layout.Bins() + tail
	sums := make([]uint64, arms*size)
	for arm := range s.arms {
		s.arms[arm] = sums[arm*size : (arm+1)*size]
		r.keys[arm].prepare()
		r.logs[arm].prepare()
		r.watch.users.Load().arms[arm].prepare()
	}
	for shard := range len(r.shards) / r.stride {
		for arm, sum := range s.arms {
			counters := r.counters(shard, arm)
			for i := range sum {
				sum[i] += counters[i].Load()
			}
		}
	}
	return s
}

// Since returns what each arm did between the earlier snapshot and this one; a
// nil earlier means since the beginning.
func (s *Snapshot) Since(earlier *Snapshot) (baseline, candidate Counts) {
	if earlier == nil {
		earlier = &Snapshot{}
	}
	return difference(s.arms[Baseline], earlier.arms[Baseline]),
		difference(s.arms[Candidate], earlier.arms[Candidate])
}

func difference(now, before []uint64) Counts {
	var c Counts
	if len(now) == 0 {
		return c
	}
	at := func(i int) uint64 {
		if i < len(before) {
			return now[i] - before[i]
		}
		return now[i]
	}
	bins := len(now) - tail
	for i := range bins {
		if n := at(i); n > 0 {
			c.Latency = append(c.Latency, Bin{Index: i, Count: n})
			c.Requests += n
		}
	}
	c.Failures, c.Repeats, c.Overflow = at(bins+atFailure), at(bins+atRepeat), at(bins+atOverflow)
	c.Requests += c.Failures
	if failed := at(bins + atAgainFailed); failed+at(bins+atAgain) > 0 {
		c.Measures = Measures{MeasureRepeat: {N: failed + at(bins+atAgain), K: failed}}
	}
	if drawn := at(bins + atDrawn); drawn > 0 {
		if c.Measures == nil {
			c.Measures = Measures{}
		}
		c.Measures[MeasureDrawn] = Measure{N: drawn}
	}
	return c
}
