package kpi

import (
	"slices"
	"time"
	"unsafe"
)

// OutcomeStats says how the joining of outcomes goes. Every observed request is,
// for each kind that is joined, closed, dropped or waiting.
type OutcomeStats struct {
	Keep     int    `json:"keep"`     // the most requests that are kept
	Kept     int    `json:"kept"`     // requests that are kept, with those whose windows have closed
	Bytes    int    `json:"bytes"`    // memory of the ledger, without outcomes that wait
	Observed uint64 `json:"observed"` // requests that were kept since the process began
	Again    uint64 `json:"again"`    // not kept: a request of the same id is
	NoID     uint64 `json:"no_id"`    // not kept: without an id
	Lost     uint64 `json:"lost"`     // requests that waited when the process before this one ended
	Unscored uint64 `json:"unscored"` // labels of requests whose prediction is not known
	Early    int    `json:"early"`    // outcomes that wait for their request
	// Kinds are those that the policy joins.
	Kinds map[string]KindStats `json:"kinds"`
}

// KindStats is one kind of outcome.
type KindStats struct {
	Window  float64 `json:"window_s"`
	Waiting uint64  `json:"waiting"` // requests whose window is open
	Closed  uint64  `json:"closed"`  // and counted
	Dropped uint64  `json:"dropped"` // let go before, for want of room
	// Results counts the outcomes by what was done with them.
	Results map[string]uint64 `json:"results"`
}

func (l *ledger) stats() OutcomeStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := OutcomeStats{
		Keep: l.keep, Kept: int(l.next - l.first), Bytes: l.bytes(),
		Observed: l.observed, Again: l.again, NoID: l.noID, Lost: l.lost, Unscored: l.unscored, Early: l.early.held,
		Kinds: map[string]KindStats{},
	}
	for k, window := range l.windows {
		if window == 0 {
			continue
		}
		x := KindStats{
			Window:  (time.Duration(window) * clockUnit).Seconds(),
			Waiting: l.next - l.due[k], Closed: l.closed[k], Dropped: l.dropped[k], Results: map[string]uint64{},
		}
		for r, n := range l.results[k] {
			if Result(r) != OutcomePending {
				x.Results[Result(r).String()] = n
			}
		}
		s.Kinds[kindNames[k]] = x
	}
	return s
}

// Waiting is how many requests have an open window.
func (s OutcomeStats) Waiting() uint64 {
	var most uint64
	for _, k := range s.Kinds {
		most = max(most, k.Waiting)
	}
	return most
}

// bytes is what the ledger's tables take.
func (l *ledger) bytes() int {
	return len(l.ring)*int(unsafe.Sizeof(entry{})) + 4*len(l.index.slots) +
		len(l.rows.ring)*int(unsafe.Sizeof(kept{})) + 2*len(l.values)
}

func (l *ledger) lose(requests uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost += requests
}

// group is the number of a group in a row's flags. The meter bounds the groups.
func (l *ledger) group(name string) rowFlags {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.groups, name)
	if at < 0 {
		at = len(l.groups)
		l.groups = append(l.groups, name)
		l.opportunity = append(l.opportunity, MeasureOpportunity+name)
	}
	return rowFlags(at+1) & groupMask
}
