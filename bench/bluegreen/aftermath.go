package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// aftermath is what users saw of a kill.
type aftermath struct {
	sequence []string      // the colours since, in the order in which requests reached them
	first    time.Duration // from the restart to the first answer
	nobody   int           // failed: sent while nobody listened
	cut      int           // failed: under way at the kill
	other    int           // failed: no reason
	final    int           // predictions that were sent once the journal's promise was reached
}

// enough predictions at the end show where users are.
const enough = 20

// look goes through all answers; what is not as promised comes back in words.
func (k kill) look(all []answer) (a aftermath, wrong []string) {
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	a.sortFailures(k, all)
	if a.other > 0 {
		fail("%d requests failed that were neither under way at the kill nor sent while nobody listened", a.other)
	}
	s := swap{from: blue, to: green, asked: k.sent - k.after, until: k.sent}
	if k.way == "rollback" {
		s.from, s.to = green, blue
	}
	if v, err := s.see(all); err == nil && v.late > 0 { // else nobody had reached the new colour
		fail("%d requests were answered by the old colour before the kill, and sent after the first had reached the new one", v.late)
	}
	reached := slices.DeleteFunc(slices.Clone(all), func(x answer) bool { return x.err != nil })
	slices.SortFunc(reached, func(x, y answer) int { return int(x.arrived - y.arrived) })
	firstGreen := time.Duration(0)
	for _, x := range reached {
		if x.sent < k.dead || x.arrived >= k.until {
			continue
		}
		if a.first == 0 || x.done-k.again < a.first {
			a.first = x.done - k.again
		}
		if x.version == green && firstGreen == 0 {
			firstGreen = x.arrived
		}
		if x.kind == prediction && x.sent > k.settled {
			a.final++
		}
		// Two requests under way at a swap may arrive in either order.
		overtaken := x.version == blue && firstGreen > 0 && x.sent <= firstGreen
		if n := len(a.sequence); !overtaken && (n == 0 || a.sequence[n-1] != names[x.version]) {
			a.sequence = append(a.sequence, names[x.version])
		}
	}
	wrong = append(wrong, k.hold(a, firstGreen)...)
	return a, wrong
}

// sortFailures names every failure in the time of this kill.
func (a *aftermath) sortFailures(k kill, all []answer) {
	for _, x := range all {
		if x.err == nil || x.done < k.sent || x.done >= k.next {
			continue
		}
		switch {
		case x.sent <= k.dead:
			a.cut++
		case x.sent <= k.up:
			a.nobody++
		default:
			a.other++
		}
	}
}

// hold compares what users saw with what the journal says.
func (k kill) hold(a aftermath, firstGreen time.Duration) (wrong []string) {
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if _, err := k.found.colour(); err != nil {
		fail("%v", err)
	}
	if k.ordered && k.way == "rollback" && k.found.live() {
		fail("the rollback was answered, and the journal says %s", k.found.Kind)
	}
	if k.ordered && k.way == "start" && !k.found.live() {
		fail("the start was answered, and the journal says %s", k.found.Kind)
	}
	last := k.left[len(k.left)-1]
	serves, err := last.colour()
	if err != nil {
		fail("%v", err)
	}
	if want := map[bool]string{true: green, false: blue}[k.found.live()]; serves != want {
		fail("the journal said %s at the kill and ends with %s: version %s, wanted %s", k.found.Kind, last.Kind, serves, want)
	}
	want := "blue"
	if serves == green {
		want = "blue → green"
		if at, ok := k.given(); !ok || firstGreen < at {
			fail("a user reached green at %s, and the journal gave it users at %s (%v)", firstGreen, at, ok)
		}
	}
	// A restart that is quick leaves blue no request.
	if got := strings.Join(a.sequence, " → "); got != want && (got != "green" || serves != green) {
		fail("users were on %s, the journal says %s", got, want)
	}
	if a.final < enough {
		fail("%d predictions were sent at the end, wanted %d or more", a.final, enough)
	}
	return wrong
}

// given is when the journal of the new process gave green its users.
func (k kill) given() (at time.Duration, ok bool) {
	for _, l := range k.left {
		if l.at > k.dead && l.Weight == 1 {
			return l.at, true
		}
	}
	return 0, false
}
