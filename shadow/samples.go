package shadow

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// shownBody bounds what a sample shows of a body, in bytes.
const shownBody = 4 << 10

// Sample is a pair of answers that disagree, without what the policy hides.
type Sample struct {
	Seq     uint64    `json:"seq"` // rises with every disagreeing pair
	At      time.Time `json:"at"`
	ID      string    `json:"request_id"`
	Method  string    `json:"method"`
	Path    string    `json:"path"` // without the query
	Request string    `json:"request,omitempty"`
	Live    Shown     `json:"live"`
	Shadow  Shown     `json:"shadow"`
	// Differences are the first of the pair; More is how many there are beyond.
	Differences []Difference `json:"differences"`
	More        int          `json:"more,omitempty"`
}

// Shown is one answer of a sample.
type Shown struct {
	Status      int     `json:"status"`
	Latency     float64 `json:"latency_s"`
	ContentType string  `json:"content_type,omitempty"`
	Body        string  `json:"body,omitempty"`
	Cut         bool    `json:"cut,omitempty"` // the body could not be kept whole
}

// samples keeps the newest disagreeing pairs, and as many drawn evenly from
// all that there were (Vitter's algorithm R).
type samples struct {
	mu     sync.Mutex
	seen   uint64
	newest []Sample // a ring
	drawn  []Sample
	size   int // of each
}

func newSamples(size int) *samples { return &samples{size: max(1, size/2)} }

func (s *samples) keep(one Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	one.Seq = s.seen
	if len(s.newest) < s.size {
		s.newest = append(s.newest, one)
		s.drawn = append(s.drawn, one)
		return
	}
	s.newest[int((s.seen-1)%uint64(s.size))] = one
	if at := rand.Uint64N(s.seen); at < uint64(s.size) {
		s.drawn[at] = one
	}
}

// all returns every kept sample once, the newest first.
func (s *samples) all() []Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Concat(s.newest, s.drawn)
	slices.SortFunc(out, func(a, b Sample) int { return int(int64(b.Seq) - int64(a.Seq)) })
	return slices.CompactFunc(out, func(a, b Sample) bool { return a.Seq == b.Seq })
}

// Diffs returns pairs of answers that disagree, the newest first: the newest,
// and some of all that there were since the last reset.
func (m *Mirror) Diffs() []Sample {
	if m == nil {
		return nil
	}
	return m.tally.Load().samples.all()
}
