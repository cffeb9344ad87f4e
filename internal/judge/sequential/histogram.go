package sequential

import "slices"

// A Histogram is counts by bin, dense, ascending, cumulative over the span that
// is judged. Counts that are negative or no numbers are read as 0.
type Histogram = []float64

// groups is how many groups Deciles makes at most.
const groups = 10

// shares are the bins as parts of the total; nil when there is nothing.
func shares(h Histogram) (p []float64, total float64) {
	p = make([]float64, len(h))
	for i, n := range h {
		p[i] = count(n)
		total += p[i]
	}
	if total == 0 {
		return nil, 0
	}
	for i := range p {
		p[i] /= total
	}
	return p, total
}

// Deciles are the bins at which groups of about a tenth of the counts begin, the
// first group's 0 left out; ascending, at most nine. A bin that holds a tenth or
// more is a group of its own, so that values leaving it, to either side, change
// group. The edges must be fixed before the counts that are grouped by them: taken
// from the baseline's past, or from a first stratum that is not judged.
func Deciles(h Histogram) (edges []int) {
	p, _ := shares(h)
	left := 1.0      // in the open group and after it
	var held float64 // by the open group
	heavy := false   // it is one heavy bin
	for i, share := range p {
		full := held > 0 && held+share/2 >= left/float64(groups-len(edges))
		if i > 0 && (heavy || full || share >= 1.0/groups) {
			edges = append(edges, i)
			left, held = left-held, 0
			if len(edges) == groups-1 {
				return edges
			}
		}
		held += share
		heavy = share >= 1.0/groups
	}
	return edges
}

// Group merges the bins between edges, len(edges)+1 groups. Edges need not be
// sorted; those outside of the histogram make empty groups.
func Group(h Histogram, edges []int) Histogram {
	edges = slices.Sorted(slices.Values(edges))
	out := make(Histogram, len(edges)+1)
	g := 0
	for i, n := range h {
		for g < len(edges) && edges[g] <= i {
			g++
		}
		out[g] += count(n)
	}
	return out
}
