package judge

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

const (
	halfLife      = 10 * time.Minute
	tauInterval   = 5 * time.Minute
	tauExceedance = 5 // requests expected beyond a quantile before it is trusted
)

// past is what an arm did before the open stratum, older requests counting for
// less: the baseline, and the candidate's groups. It only steers the bets: no
// promise rests on it. Exported fields are its state.
type past struct {
	At      time.Duration
	Sources map[string]*faded
	Groups  map[string]*faded // of the candidate
	Taus    []tau             // by quantile
}

// faded is a reading in which older requests count for less.
type faded struct {
	N, K float64
	Bins []float64
}

// tau is the baseline's quantile as last estimated, on an edge of the grid.
type tau struct {
	Known bool
	Edge  time.Duration // latencies
	Bin   int           // other histograms: the bin whose lower edge it is
	At    time.Duration // when it was estimated
	N     float64       // from how many
}

// tauOf names a quantile of a source's histogram that is estimated.
type tauOf struct {
	source   string
	quantile float64
	more     bool // more is better: what counts lies below it
	linear   bool // an even scale instead of the latency layout
}

func newPast(taus int) past {
	return past{Sources: map[string]*faded{}, Groups: map[string]*faded{}, Taus: make([]tau, taus)}
}

// rate is the share of events, shrunk so that it is never 0.
func (f *faded) rate() float64 {
	if f == nil {
		return 0.5
	}
	return (0.5 + f.K) / (1 + f.N)
}

// rate is the baseline's share of events in a source.
func (p *past) rate(source string) float64 { return p.Sources[source].rate() }

// seen is how much of a source the baseline's past holds.
func (p *past) seen(source string) float64 {
	if f := p.Sources[source]; f != nil {
		return f.N
	}
	return 0
}

// add takes in a stratum after it has been judged.
func (p *past) add(s kpi.Stratum, w wanted) {
	if age := s.To - p.At; age > 0 {
		by := math.Exp2(-float64(age) / float64(halfLife))
		for f := range p.all() {
			f.fade(by)
		}
		p.At = s.To
	}
	fresh := readings{}
	w.read(fresh, s.Baseline)
	take(p.Sources, fresh)
	if len(w.prefixes) > 0 {
		groups := readings{}
		wanted{prefixes: w.prefixes}.read(groups, s.Candidate)
		take(p.Groups, groups)
	}
}

func (p *past) all() func(func(*faded) bool) {
	return func(yield func(*faded) bool) {
		for _, m := range []map[string]*faded{p.Sources, p.Groups} {
			for _, f := range m {
				if !yield(f) {
					return
				}
			}
		}
	}
}

func take(into map[string]*faded, fresh readings) {
	for name, r := range fresh {
		f := into[name]
		if f == nil {
			f = &faded{}
			into[name] = f
		}
		f.N += float64(r.N)
		f.K += float64(r.K)
		if len(f.Bins) < len(r.Bins) {
			f.Bins = append(f.Bins, make([]float64, len(r.Bins)-len(f.Bins))...)
		}
		for i, n := range r.Bins {
			if n > 0 {
				f.Bins[i] += float64(n)
			}
		}
	}
}

func (f *faded) fade(by float64) {
	f.N *= by
	f.K *= by
	for i := range f.Bins {
		f.Bins[i] *= by
	}
}

// estimate renews the taus that are due: every five minutes, and in the
// beginning whenever what they rest on has doubled. By time and arrivals only.
func (p *past) estimate(l *kpi.Layout, grid []time.Duration, of []tauOf) {
	for i, q := range of {
		t, f := &p.Taus[i], p.Sources[q.source]
		if f == nil {
			continue
		}
		beyond := 1 - q.quantile
		if q.more {
			beyond = q.quantile
		}
		due := !t.Known || p.At-t.At >= tauInterval || f.N >= 2*t.N
		if !due || (f.N-f.K)*beyond < tauExceedance {
			continue
		}
		if q.linear {
			bin, ok := f.linear(q.quantile)
			*t = tau{Known: ok, Bin: bin, At: p.At, N: f.N}
			continue
		}
		edge, ok := f.latency(l, grid, q.quantile)
		*t = tau{Known: ok, Edge: edge, At: p.At, N: f.N}
	}
}

// latency is the lowest edge of the grid with at least the share q of the
// answered requests at or below it. Failures are left out of it, and only of it:
// a baseline that fails more often than the quantile allows would have none, and
// the gate no place to count at. False when it lies beyond the grid.
func (f *faded) latency(l *kpi.Layout, grid []time.Duration, q float64) (time.Duration, bool) {
	var below float64
	answered := f.N - f.K
	next := 0
	for bin, n := range f.Bins {
		below += n
		edge, ok := l.Edge(bin)
		if !ok {
			break
		}
		if next < len(grid) && edge == grid[next] {
			next++
			if below >= q*answered && answered > 0 {
				return edge, true
			}
		}
	}
	return 0, false
}

// linear is the first bin at whose upper edge the share q is reached: counted
// is what lies below its lower edge.
func (f *faded) linear(q float64) (int, bool) {
	var below float64
	for bin, n := range f.Bins {
		if below += n; below >= q*(f.N-f.K) && below > 0 {
			return bin, bin > 0
		}
	}
	return 0, false
}
