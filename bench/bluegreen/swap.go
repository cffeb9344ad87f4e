package main

import (
	"fmt"
	"slices"
	"time"
)

// swap is one move of all users from one colour to the other, as it was asked
// for: by a command, or by a fault that a gate finds.
type swap struct {
	round    int
	what     string        // start, rollback, gate
	from, to string        // versions
	asked    time.Duration // the command was sent, or the fault began
	checked  time.Duration // the idle colour's last answer to the check; 0 on the way back
	answered time.Duration // the command was answered; 0 without one
	decided  time.Duration // Headgate's word: the switch or the order to roll back
	own      time.Duration // Headgate's word: from the decision to the traffic off; 0 when it has none
	until    time.Duration // the next thing is asked for, or the load ends
}

// seen is what backends and clients saw of a swap.
type seen struct {
	first, last time.Duration // first request that arrived at the new colour, last that arrived at the old one
	late        int           // sent after first, and answered by the old colour
	requests    int           // due between asked and until
	failed      int           // of them
	streams     int           // begun on the old colour before first and ended there after it
	slow        int           // the same
	before      time.Duration // p99 of the second before the one around first
	around      time.Duration // p99 of the second around first
}

// see goes through all answers of the load.
func (s swap) see(all []answer) (v seen, err error) {
	for _, a := range all {
		if a.err == nil && a.version == s.to && a.arrived >= s.asked && a.arrived < s.until && (v.first == 0 || a.arrived < v.first) {
			v.first = a.arrived
		}
	}
	if v.first == 0 {
		return v, fmt.Errorf("round %d, %s: no request reached version %s", s.round, s.what, s.to)
	}
	for _, a := range all {
		if a.due >= s.asked && a.due < s.until {
			v.requests++
			if a.err != nil {
				v.failed++
			}
		}
		if a.err != nil || a.version != s.from || a.arrived >= s.until {
			continue
		}
		v.last = max(v.last, a.arrived)
		if a.sent > v.first {
			v.late++
		}
		if a.arrived < v.first && a.done > v.first {
			switch a.kind {
			case stream:
				v.streams++
			case slow:
				v.slow++
			case prediction:
			}
		}
	}
	v.before = p99(all, v.first-3*time.Second/2, v.first-time.Second/2)
	v.around = p99(all, v.first-time.Second/2, v.first+time.Second/2)
	return v, nil
}

// wrong says what of the promise was not kept.
func (v seen) wrong() (why []string) {
	if v.failed > 0 {
		why = append(why, fmt.Sprintf("%d of %d requests failed", v.failed, v.requests))
	}
	if v.late > 0 {
		why = append(why, fmt.Sprintf("%d requests were sent after the first had reached the new colour, and the old one answered", v.late))
	}
	if v.streams == 0 || v.slow == 0 {
		why = append(why, fmt.Sprintf("%d streams and %d slow requests were under way, wanted some of both", v.streams, v.slow))
	}
	return why
}

// p99 of the predictions that were due in a span, from when they were due.
func p99(all []answer, from, to time.Duration) time.Duration {
	var took []time.Duration
	for _, a := range all {
		if a.kind == prediction && a.err == nil && a.due >= from && a.due < to {
			took = append(took, a.done-a.due)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[min(len(took)-1, len(took)*99/100)]
}

// failures are the answers that are none, and the first of them.
func failures(all []answer) (n int, first error) {
	for _, a := range all {
		if a.err != nil {
			if n++; n == 1 {
				first = a.err
			}
		}
	}
	return n, first
}
