package kpi

import (
	"math"
	"math/bits"
	"slices"
	"sort"
	"time"
)

const (
	gridLow   = 100 * time.Microsecond // upper edge of the lowest bin
	gridHigh  = 100 * time.Second      // last edge of the grid; slower falls in the open bin
	gridSteps = 691                    // (100 s / 0.1 ms)^(1/691): bins 2 % apart, 1 % to either side

	mantissaBits = 6 // the lookup table is 1.6 % fine, about one bin
	lookupSlots  = (64-mantissaBits)<<mantissaBits + 1<<mantissaBits
)

// Layout is the set of latency bins: logarithmic, from 0.1 ms to 100 s, each
// accurate to 1 %, plus exact extra edges. Bin i holds latencies L with
// Edge(i-1) < L <= Edge(i), so that "L > edge" is counted without error at
// every edge. The last bin is open. A Layout is immutable.
type Layout struct {
	edges  []time.Duration
	lookup [lookupSlots]uint16
}

// Grid returns the edges that every layout has, ascending.
func Grid() []time.Duration {
	grid := make([]time.Duration, gridSteps+1)
	ratio := math.Log(float64(gridHigh)/float64(gridLow)) / gridSteps
	for i := range grid {
		grid[i] = time.Duration(math.Round(float64(gridLow) * math.Exp(ratio*float64(i))))
	}
	return grid
}

// NewLayout makes a layout in which each threshold is an exact edge.
// Thresholds of zero or less are left out.
func NewLayout(thresholds ...time.Duration) *Layout {
	edges := Grid()
	for _, t := range thresholds {
		if t > 0 {
			edges = append(edges, t)
		}
	}
	slices.Sort(edges)
	l := &Layout{edges: slices.Compact(edges)}
	if len(l.edges) >= math.MaxUint16 {
		panic("BUG: kpi: too many latency thresholds for one layout")
	}
	for slot := range l.lookup {
		l.lookup[slot] = uint16(l.search(slotLow(slot)))
	}
	return l
}

// Bins is the number of bins, the open one included.
func (l *Layout) Bins() int { return len(l.edges) + 1 }

// Edge returns the upper edge of bin i; the open bin has none.
func (l *Layout) Edge(i int) (time.Duration, bool) {
	if i < 0 || i >= len(l.edges) {
		return 0, false
	}
	return l.edges[i], true
}

// EdgeIndex finds the bin whose upper edge is exactly d.
func (l *Layout) EdgeIndex(d time.Duration) (int, bool) {
	i := l.search(d)
	return i, i < len(l.edges) && l.edges[i] == d
}

// Bin returns the bin that holds d. It does not allocate.
func (l *Layout) Bin(d time.Duration) int {
	if d < 0 {
		d = 0
	}
	i := int(l.lookup[slotOf(d)])
	for i < len(l.edges) && d > l.edges[i] {
		i++
	}
	return i
}

// Quantile returns the upper edge of the bin in which the q-quantile of the
// counted requests lies; failures are slower than everything. False when there
// are no requests or the quantile lies among failures or in the open bin.
func (l *Layout) Quantile(c Counts, q float64) (time.Duration, bool) {
	if c.Requests == 0 {
		return 0, false
	}
	rank := uint64(math.Ceil(q * float64(c.Requests)))
	var seen uint64
	for _, b := range c.Latency {
		if seen += b.Count; seen >= rank {
			return l.Edge(b.Index)
		}
	}
	return 0, false
}

func (l *Layout) search(d time.Duration) int {
	return sort.Search(len(l.edges), func(i int) bool { return l.edges[i] >= d })
}

// slotOf maps a duration to a table slot by its leading bits; monotone.
func slotOf(d time.Duration) int {
	v := uint64(d)
	shift := bits.Len64(v) - mantissaBits - 1
	if shift <= 0 {
		return int(v)
	}
	return shift<<mantissaBits + int(v>>uint(shift))
}

// slotLow is the smallest duration of a slot.
func slotLow(slot int) time.Duration {
	if slot < 2<<mantissaBits {
		return time.Duration(slot)
	}
	shift := slot>>mantissaBits - 1
	mantissa := uint64(slot) - uint64(shift)<<mantissaBits
	if low := mantissa << uint(shift); low < math.MaxInt64 {
		return time.Duration(low)
	}
	return math.MaxInt64
}
