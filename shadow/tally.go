package shadow

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// tally is what was compared since the last reset.
type tally struct {
	mu         sync.Mutex
	layout     *kpi.Layout
	requests   uint64 // copies answered or given up
	failures   uint64 // of these
	outcomes   [pairOutcomes]uint64
	uncompared map[string]uint64
	invalid    sides
	nonFinite  sides
	noise      *noise

	latency        histogram // of the shadow
	slower, faster histogram // than the live answer, by the layout's bins
	pairs          Agreement // of predictions, as whole answers
	rows           Agreement // one by one
	selfRows       Agreement // of the baseline with itself
	missing        sides
	classes        confusion
	scale          kpi.Scale
	scores         [2]histogram // live, shadow
	difference     histogram

	samples *samples
}

// sides counts something on either side.
type sides [2]uint64

func (s *sides) count(live, shadow bool) {
	if live {
		s[0]++
	}
	if shadow {
		s[1]++
	}
}

// histogram counts by bin.
type histogram map[int]uint64

func (h histogram) sparse() kpi.Bins {
	out := make(kpi.Bins, 0, len(h))
	for _, i := range slices.Sorted(maps.Keys(h)) {
		out = append(out, kpi.Bin{Index: i, Count: h[i]})
	}
	return out
}

// Agreement is N looked at, K alike.
type Agreement struct {
	N uint64 `json:"n"`
	K uint64 `json:"agreed"`
}

func (a *Agreement) add(agree bool) {
	a.N++
	if agree {
		a.K++
	}
}

func newTally(c Config, l *kpi.Layout) *tally {
	t := &tally{
		layout: l, scale: *c.Compare.Range, uncompared: map[string]uint64{}, noise: newNoise(0),
		latency: histogram{}, slower: histogram{}, faster: histogram{}, difference: histogram{},
		scores:  [2]histogram{{}, {}},
		samples: newSamples(c.Samples),
	}
	if c.Noise != nil {
		t.noise = newNoise(c.Noise.Learn)
	}
	return t
}

// answered counts a copy that has come to its end.
func (t *tally) answered(latency time.Duration, failed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	if failed {
		t.failures++
		return
	}
	t.latency[t.layout.Bin(latency)]++
}

// later counts how much slower the shadow was. The lock is held.
func (t *tally) later(by time.Duration) {
	if by >= 0 {
		t.slower[t.layout.Bin(by)]++
	} else {
		t.faster[t.layout.Bin(-by)]++
	}
}

// predicted counts predictions. The lock is held.
func (t *tally) predicted(p predictions) {
	if p.asked {
		t.missing.count(p.liveMissing, p.shadowMissing)
		count(&t.pairs, &t.rows, p)
		for i := range p.live {
			t.classes.add(p.live[i], p.shadow[i])
		}
	}
	if !p.scored {
		return
	}
	apart := kpi.Scale{Min: t.scale.Min - t.scale.Max, Max: t.scale.Max - t.scale.Min}
	for i, scores := range [][]float64{p.liveScores, p.shadowScores} {
		for _, s := range scores {
			if bin, ok := t.scale.Bin(s); ok {
				t.scores[i][bin]++
			}
		}
	}
	for i := range min(len(p.liveScores), len(p.shadowScores)) {
		if bin, ok := apart.Bin(p.shadowScores[i] - p.liveScores[i]); ok {
			t.difference[bin]++
		}
	}
}

// count takes in the rows of a pair in which either side predicts something.
func count(pairs, rows *Agreement, p predictions) {
	if len(p.agree) == 0 {
		return
	}
	for _, same := range p.agree {
		rows.add(same)
	}
	pairs.add(!slices.Contains(p.agree, false))
}

// learn takes in a pair of the baseline with itself.
func (t *tally) learn(places map[string]size, p predictions) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.noise.observe(places)
	var pairs Agreement
	count(&pairs, &t.selfRows, p)
}
