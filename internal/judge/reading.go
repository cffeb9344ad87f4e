package judge

import (
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/kpi"
)

// reading is what one arm brought to one source in some span. Exported fields
// are its state.
type reading struct {
	N, K        uint64
	Bins        []uint64 // as long as needed
	Sum, Square float64
}

// readings of one arm by source.
type readings map[string]*reading

// wanted says which sources are kept.
type wanted struct {
	names    map[string]bool // true when the histogram is needed
	prefixes []string
}

// read adds what the counts of one arm hold of the wanted sources.
func (w wanted) read(into readings, c kpi.Counts) {
	if bins, ok := w.names[requests]; ok {
		r := into.of(requests)
		r.N += c.Requests
		r.K += c.Failures
		if bins {
			r.addBins(c.Latency)
		}
	}
	for name, m := range c.Measures {
		w.measure(into, name, m)
	}
}

func (w wanted) measure(into readings, name string, m kpi.Measure) {
	bins, ok := w.names[name]
	if !ok && !slices.ContainsFunc(w.prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return
	}
	r := into.of(name)
	r.N += m.N
	r.K += m.K
	r.Sum += m.Sum
	r.Square += m.Square
	if bins {
		r.addBins(m.Bins)
	}
}

// cleared keeps the memory.
func (rs readings) cleared() readings {
	if rs == nil {
		return readings{}
	}
	for _, r := range rs {
		bins := r.Bins
		clear(bins)
		*r = reading{Bins: bins}
	}
	return rs
}

func (rs readings) of(name string) *reading {
	r := rs[name]
	if r == nil {
		r = &reading{}
		rs[name] = r
	}
	return r
}

// get is never nil.
func (rs readings) get(name string) *reading {
	if r := rs[name]; r != nil {
		return r
	}
	return &reading{}
}

// under lists the sources that begin with the prefix, in order, without it.
func (rs readings) under(prefix string) []string {
	var out []string
	for name := range rs {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			out = append(out, rest)
		}
	}
	slices.Sort(out)
	return out
}

func (r *reading) addBins(bins kpi.Bins) {
	for _, b := range bins {
		if b.Index < 0 || b.Index >= maxBins {
			continue
		}
		if b.Index >= len(r.Bins) {
			r.Bins = append(r.Bins, make([]uint64, b.Index+1-len(r.Bins))...)
		}
		r.Bins[b.Index] += b.Count
	}
}

// maxBins bounds what a damaged stratum could make us allocate.
const maxBins = 1 << 16

// since is what was added after before.
func (r *reading) since(before *reading) *reading {
	out := &reading{N: r.N - before.N, K: r.K - before.K, Sum: r.Sum - before.Sum, Square: r.Square - before.Square}
	out.Bins = slices.Clone(r.Bins)
	for i, n := range before.Bins {
		out.Bins[i] -= n
	}
	return out
}

// since is what each source got after before.
func (rs readings) since(before readings) readings {
	out := make(readings, len(rs))
	for name, r := range rs {
		out[name] = r.since(before.get(name))
	}
	return out
}

// of the gate's own sources a copy, into the memory of the last one.
func (w wanted) copyInto(out, from readings) readings {
	if out == nil {
		out = readings{}
	}
	for name, r := range from {
		bins, ok := w.names[name]
		if !ok && !slices.ContainsFunc(w.prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		to := out.of(name)
		to.N, to.K, to.Sum, to.Square = r.N, r.K, r.Sum, r.Square
		if bins {
			to.Bins = append(to.Bins[:0], r.Bins...)
		}
	}
	return out
}

// over counts what lies above the upper edge of a bin; what failed is above all.
func (r *reading) over(edge int) float64 {
	over := r.K
	for i := edge + 1; i < len(r.Bins); i++ {
		over += r.Bins[i]
	}
	return float64(over)
}

// under counts what lies below the lower edge of a bin; what failed is below
// all.
func (r *reading) under(edge int) float64 {
	under := r.K
	for i := 0; i < edge && i < len(r.Bins); i++ {
		under += r.Bins[i]
	}
	return float64(under)
}

// histogram for the confidence sequences.
func (r *reading) histogram(bins int) []float64 {
	out := make([]float64, bins)
	for i, n := range r.Bins {
		if i < bins {
			out[i] = float64(n)
		}
	}
	return out
}

// counted is how many the bins hold.
func (r *reading) counted() uint64 {
	var n uint64
	for _, b := range r.Bins {
		n += b
	}
	return n
}

// merge two sets of wanted sources.
func (w *wanted) add(names map[string]bool, prefixes []string) {
	if w.names == nil {
		w.names = map[string]bool{}
	}
	for name, bins := range names {
		w.names[name] = w.names[name] || bins
	}
	for _, p := range prefixes {
		if !slices.Contains(w.prefixes, p) {
			w.prefixes = append(w.prefixes, p)
		}
	}
}
