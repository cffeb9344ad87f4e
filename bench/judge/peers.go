package main

import (
	"github.com/headgate/headgate/internal/kpi"
)

// The rules of other systems, written from their documentation, each looking
// once a minute at what a metrics server would show it of the same stream.

const peerCount = 6

// evidence is what a rule of the peers is given to look at.
type evidence int

const (
	ofErrors evidence = iota
	ofLatency
	ofClicks // requests without a click count as failures
	ofScores
)

func (w *world) evidence() evidence {
	switch {
	case w.late != nil && w.late.clicks[kpi.Baseline] > 0:
		return ofClicks
	case w.late != nil:
		return ofScores
	case w.slower > 0:
		return ofLatency
	}
	return ofErrors
}

// peer is one of them.
type peer struct {
	name  string                 // heads its column
	start func(of evidence) rule // nil: it has no documented check of this
}

// rule takes the minutes of one rollout in their order; true takes the candidate
// back.
type rule interface {
	minute(m *minute) bool
}

// minute is what the arms did in the last one; every request counts.
type minute [2]window

// window is one arm's minute as a metrics server knows it.
type window struct {
	n, failures  float64
	sum, squares float64      // of the successes' latencies, seconds
	p99          float64      // of the same
	score        [2][]float64 // scores of requests labelled 0 and 1, by bin
}

func peers() [peerCount]peer {
	return [...]peer{
		{"Flagger, 5 checks", threshold(fixed{success: .99, slowest: .5, allowed: 4})},
		{"Argo, limit 1", threshold(fixed{success: .99, allowed: 1})},
		{"Argo, limit 3", threshold(fixed{success: .99, allowed: 3})},
		{"Argo, limit 3, 95 %", threshold(fixed{success: .95, allowed: 3})},
		{"z-test", func(of evidence) rule { return &zTest{of: of} }},
		{"Mann-Whitney", func(of evidence) rule { return &mannWhitney{of: of} }},
	}
}

// threshold starts a rule of fixed limits; those are documented for errors and
// latencies only.
func threshold(f fixed) func(of evidence) rule {
	return func(of evidence) rule {
		if of == ofClicks || of == ofScores {
			return nil
		}
		started := f
		return &started
	}
}

// fixed is a threshold on the candidate alone, checked each minute: failed checks
// add up over the rollout, and one more than allowed takes the candidate back.
// Flagger ("max number of failed metric checks before rollback", success rate
// at least 99 %, p99 at most 500 ms) and Argo Rollouts (failureLimit: the failed
// measurements that are tolerated). A minute without requests is no check.
type fixed struct {
	success float64
	slowest float64 // limit of the p99 in seconds; 0: not checked
	allowed int
	failed  int
}

func (f *fixed) minute(m *minute) bool {
	c := m[kpi.Candidate]
	if c.n == 0 {
		return false
	}
	if c.n-c.failures < f.success*c.n || f.slowest > 0 && c.p99 > f.slowest {
		f.failed++
	}
	return f.failed > f.allowed
}

// panel are the peers at work on one rollout.
type panel struct {
	rules [peerCount]rule
	done  [peerCount]bool
	open  minute
	bins  [2][]uint64 // latencies of the open minute; nil when none are simulated
	mids  []float64   // seconds, by bin
}

func newPanel(l *kpi.Layout, of evidence) *panel {
	p := &panel{}
	for i, peer := range peers() {
		p.rules[i] = peer.start(of)
		p.done[i] = p.rules[i] == nil
	}
	if of == ofScores {
		for arm := range p.open {
			p.open[arm].score = [2][]float64{make([]float64, kpi.ScaleBins), make([]float64, kpi.ScaleBins)}
		}
	}
	if of != ofLatency {
		return p
	}
	p.mids = middles(l)
	for arm := range p.bins {
		p.bins[arm] = make([]uint64, l.Bins())
	}
	return p
}

// middles of the bins: a mean over them is off by far less than its noise.
func middles(l *kpi.Layout) []float64 {
	mids := make([]float64, l.Bins())
	below := 0.0
	for i := range mids {
		edge, ok := l.Edge(i)
		if !ok {
			mids[i] = below
			break
		}
		mids[i] = (below + edge.Seconds()) / 2
		below = edge.Seconds()
	}
	return mids
}

func (p *panel) over() bool {
	for _, done := range p.done {
		if !done {
			return false
		}
	}
	return true
}

func (p *panel) add(arm, failures, successes int, bins []uint16) {
	p.open[arm].n += float64(failures + successes)
	p.open[arm].failures += float64(failures)
	for _, bin := range bins {
		p.bins[arm][bin]++
	}
}

// minute closes the minute and says which peers take the candidate back now.
func (p *panel) minute() (back [peerCount]bool) {
	for arm := range p.bins {
		p.summarise(arm)
	}
	for i, r := range p.rules {
		if !p.done[i] && r.minute(&p.open) {
			p.done[i], back[i] = true, true
		}
	}
	for arm := range p.open {
		score := p.open[arm].score
		clear(score[0])
		clear(score[1])
		p.open[arm] = window{score: score}
	}
	return back
}

// summarise turns the arm's latencies into what a metrics server would show.
func (p *panel) summarise(arm int) {
	w := &p.open[arm]
	seen, above := 0.0, .99*(w.n-w.failures)
	for i, count := range p.bins[arm] {
		if count == 0 {
			continue
		}
		n, mid := float64(count), p.mids[i]
		w.sum += n * mid
		w.squares += n * mid * mid
		if seen < above && seen+n >= above {
			w.p99 = mid
		}
		seen += n
		p.bins[arm][i] = 0
	}
}
