package kpi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Counts is what one arm did in some span. Requests counts first outcomes
// only: the later requests of a sticky key are Repeats and in no other number.
type Counts struct {
	Requests uint64  `json:"requests"`           // outcomes counted, failures included
	Failures uint64  `json:"failures"`           // of these, failed
	Repeats  uint64  `json:"repeats,omitempty"`  // requests of keys already counted
	Overflow uint64  `json:"overflow,omitempty"` // outcomes counted unchecked because the key set was full
	Latency  Latency `json:"latency,omitempty"`  // of the requests that did not fail
	// Measures is everything else, by name.
	Measures Measures `json:"measures,omitempty"`
}

// Bins is a sparse histogram, ascending by bin. In JSON one flat array of
// pairs: distance from the bin before, count.
type Bins []Bin

// Latency is a histogram of latencies.
type Latency = Bins

// Bin is one occupied bin of a Layout.
type Bin struct {
	Index int
	Count uint64
}

// Empty says that nothing at all was counted.
func (c Counts) Empty() bool {
	return c.Requests == 0 && c.Repeats == 0 && len(c.Measures) == 0
}

// Over counts the outcomes slower than the upper edge of the given bin. A
// failed request is over every threshold.
func (c Counts) Over(edge int) uint64 {
	over := c.Failures
	for i := len(c.Latency) - 1; i >= 0 && c.Latency[i].Index > edge; i-- {
		over += c.Latency[i].Count
	}
	return over
}

// MarshalJSON writes the flat array.
func (l Bins) MarshalJSON() ([]byte, error) {
	flat := make([]uint64, 0, 2*len(l))
	last := 0
	for _, b := range l {
		flat = append(flat, uint64(b.Index-last), b.Count)
		last = b.Index
	}
	return json.Marshal(flat)
}

// UnmarshalJSON reads the flat array back.
func (l *Bins) UnmarshalJSON(data []byte) error {
	var flat []uint64
	if err := json.Unmarshal(data, &flat); err != nil {
		return fmt.Errorf("read latency bins: %w", err)
	}
	if len(flat)%2 != 0 {
		return errors.New("read latency bins: a pair is cut off")
	}
	out := make(Latency, 0, len(flat)/2)
	index := 0
	for i := 0; i < len(flat); i += 2 {
		if flat[i] > 1<<16 || (i > 0 && flat[i] == 0) {
			return fmt.Errorf("read latency bins: step %d at pair %d", flat[i], i/2)
		}
		index += int(flat[i])
		out = append(out, Bin{Index: index, Count: flat[i+1]})
	}
	*l = out
	return nil
}

// sparse puts counts by bin in order.
func sparse(counts map[int]uint64) Bins {
	out := make(Bins, 0, len(counts))
	for _, index := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, Bin{Index: index, Count: counts[index]})
	}
	return out
}
