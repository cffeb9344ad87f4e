package configs

import (
	"slices"
	"strings"
)

// oneOf names the known words, and the one that was probably meant.
func oneOf(known []string, got string) string {
	if len(known) == 0 {
		return "no keys here"
	}
	known = slices.Sorted(slices.Values(known))
	text := strings.Join(known, ", ")
	if len(known) > 1 {
		text = "one of " + text
	}
	if near := nearest(known, got); near != "" {
		text += "; did you mean " + near + "?"
	}
	return text
}

// nearest is the known word fewest edits away, "" when none is near.
func nearest(known []string, got string) string {
	if len(got) > 64 {
		return ""
	}
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	best, least := "", 1+len(got)/3
	for _, k := range known {
		if d := edits(plain(k), plain(got)); d < least || (d == least && best == "") {
			best, least = k, d
		}
	}
	return best
}

// edits counts insertions, deletions, changes and swaps of neighbours.
func edits(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
