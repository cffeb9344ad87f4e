package replay

import (
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
)

// refit puts latencies that were counted in the recorded bins into those of
// another layout. A bin goes where its middle lies: every threshold that was an
// edge of the record stays exact, and one that was none is counted as if it were
// the nearest edge, at most 1 % away.
type refit struct {
	bins []int // by recorded bin
	same bool  // nothing moves
}

func newRefit(recorded []time.Duration, l *kpi.Layout) refit {
	r := refit{bins: make([]int, len(recorded)+1), same: len(recorded) == l.Bins()-1}
	var low time.Duration
	for i, high := range recorded {
		r.bins[i] = l.Bin(low + (high-low+1)/2)
		low = high
		r.same = r.same && r.bins[i] == i
	}
	r.bins[len(recorded)] = l.Bins() - 1 // the open bin
	return r
}

// latencies moves one histogram; bins of the record that meet are added.
func (r refit) latencies(in kpi.Bins) kpi.Bins {
	if r.same || len(in) == 0 {
		return in
	}
	out := make(kpi.Bins, 0, len(in))
	for _, b := range in {
		to := r.bins[min(b.Index, len(r.bins)-1)]
		if n := len(out); n > 0 && out[n-1].Index == to {
			out[n-1].Count += b.Count
			continue
		}
		out = append(out, kpi.Bin{Index: to, Count: b.Count})
	}
	return out
}

// byLatency are the measures whose bins are those of the latency layout.
var byLatency = []string{kpi.MeasureFirstToken, kpi.MeasureShadow}

// counts moves all latencies of one arm.
func (r refit) counts(c kpi.Counts) kpi.Counts {
	if r.same {
		return c
	}
	c.Latency = r.latencies(c.Latency)
	moved := kpi.Measures{}
	for name, m := range c.Measures {
		if slices.Contains(byLatency, name) {
			m.Bins = r.latencies(m.Bins)
		}
		moved[name] = m
	}
	if c.Measures != nil {
		c.Measures = moved
	}
	return c
}

// inexact says at which gates a threshold is no edge of the record, and by how
// much it is off at most.
func inexact(c judge.Config, recorded []time.Duration) []string {
	var out []string
	for i := range c.Gates {
		one := judge.Config{Gates: c.Gates[i : i+1]}
		var off, at, used time.Duration
		for _, t := range one.Thresholds() {
			if t < recorded[0] || t > recorded[len(recorded)-1] {
				continue // beyond what any layout counts
			}
			near := nearest(recorded, t)
			if d := (near - t).Abs(); off == 0 && d > 0 || float64(d)*float64(at) > float64(off)*float64(t) {
				off, at, used = d, t, near
			}
		}
		if off == 0 {
			continue
		}
		out = append(out, fmt.Sprintf("gate %s: %v was no edge of the record and is counted at %v (%.1f %% off at most)",
			c.Gates[i].Name, at, used, 100*float64(off)/float64(at)))
	}
	return out
}

func nearest(edges []time.Duration, t time.Duration) time.Duration {
	i, found := slices.BinarySearch(edges, t)
	switch {
	case found || i == 0:
		return edges[i]
	case i == len(edges) || t-edges[i-1] < edges[i]-t:
		return edges[i-1]
	}
	return edges[i]
}
