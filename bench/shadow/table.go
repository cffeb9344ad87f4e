package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

func printHead(w io.Writer, o options) {
	what := "the mirror behind a small proxy"
	if o.headgate != "" {
		what = o.headgate
	}
	fmt.Fprintf(w, "%s: %d requests/s, %d pairs of %g s with and without the mirror, backends that take %s\n\n", what, o.rate, o.pairs, o.seconds, o.think)
	fmt.Fprintln(w, "| shadow | live p50, p99 without | with | p99 ratio, median of pairs | p50 | live requests | failed | offered | sent | dropped | failed copies | pairs | CPU µs per request without | with | MiB without | with |")
	fmt.Fprintln(w, "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|---|--:|--:|--:|--:|")
}

func printRow(w io.Writer, r result) {
	requests, failed := 0, 0
	for _, t := range slices.Concat(r.without, r.with) {
		requests += t.requests
		failed += t.failed
	}
	books := fmt.Sprintf("%d | %d", r.books.offered, r.books.sent)
	if !r.books.closed {
		books += " (!)"
	}
	fmt.Fprintf(w, "| %s | %s | %s | %.3f | %.3f | %d | %d | %s | %s | %s | %s | %d | %d | %d | %d |\n", r.condition,
		both(r.without), both(r.with), r.ratio, r.p50Ratio, requests, failed, books,
		list(r.books.dropped), list(r.books.failed), list(r.books.pairs), r.cpu.Microseconds(), r.cpuWith.Microseconds(), r.memory>>10, r.peak>>10)
}

// both are the medians of the turns' p50 and p99.
func both(turns []turn) string {
	var p50, p99 []time.Duration
	for _, t := range turns {
		p50, p99 = append(p50, t.p50), append(p99, t.p99)
	}
	slices.Sort(p50)
	slices.Sort(p99)
	return short(p50[len(p50)/2]) + ", " + short(p99[len(p99)/2])
}

func short(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

// list names what is not 0.
func list(by map[string]uint64) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if by[name] > 0 {
			out = append(out, fmt.Sprintf("%s %d", name, by[name]))
		}
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, ", ")
}

// wrong says what of the promise does not hold.
func (r result) wrong(o options) []string {
	var out []string
	for _, t := range slices.Concat(r.without, r.with) {
		if t.failed > 0 {
			out = append(out, fmt.Sprintf("%d of %d live requests failed, first %s", t.failed, t.requests, t.first))
		}
	}
	if r.ratio > o.ratio {
		out = append(out, fmt.Sprintf("p99 is %.3f times that without the mirror, wanted at most %.2f", r.ratio, o.ratio))
	}
	b := r.books
	if !b.closed || !b.answered {
		out = append(out, fmt.Sprintf("the books do not close: %d offered, %d sent, %d dropped, %d failed, %d pairs", b.offered, b.sent, b.droppedN, b.failN, total(b.pairs)))
	}
	// The turn before the first pair is mirrored as well.
	want := o.rate
	for _, t := range r.with {
		want += t.requests
	}
	if b.offered != uint64(want) {
		out = append(out, fmt.Sprintf("%d of %d requests were offered to the mirror", b.offered, want))
	}
	if r.condition == healthy && (b.droppedN > 0 || b.failN > 0 || b.pairs["agreed"] != b.sent) {
		out = append(out, "not every copy of a healthy shadow was answered, matched and equal")
	}
	if more := (r.peak - r.memory) >> 10; more > o.memory {
		out = append(out, fmt.Sprintf("%d MiB more than without the mirror, wanted at most %d", more, o.memory))
	}
	return out
}
