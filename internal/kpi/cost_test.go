package kpi

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// loaded joins all kinds and reads two inputs, a score and a group.
func loaded(keep int) Config {
	c := everything(keep)
	for i := range 2 {
		c.Inputs = append(c.Inputs, Input{Name: fmt.Sprint("x", i), Feature: fmt.Sprint(i), Scale: Unit()})
	}
	return c
}

func facts(id uint64) Facts {
	return Facts{
		ID: id, Rows: []Row{{Score: float64(id%256) / 256, Group: "f"}}, Inputs: [][]float64{{0.25, 0.75}}, Checked: true,
	}
}

// BenchmarkObserve is what one request's payload and its place in the ledger
// cost, off the path of requests.
func BenchmarkObserve(b *testing.B) {
	for _, c := range []struct {
		name string
		of   func(uint64) Facts
	}{{"id", func(id uint64) Facts { return Facts{ID: id} }}, {"everything", facts}} {
		b.Run(c.name, func(b *testing.B) {
			r := joining(loaded(DefaultKeep))
			b.ReportAllocs()
			for i := uint64(1); b.Loop(); i++ {
				r.Observe(Candidate, c.of(spread(i)))
			}
		})
	}
}

func BenchmarkOutcome(b *testing.B) {
	r := joining(loaded(DefaultKeep))
	for i := range uint64(DefaultKeep) {
		r.Observe(Candidate, facts(spread(i+1)))
	}
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		r.Outcome(Outcome{ID: spread(i%DefaultKeep + 1), Kind: Label, Value: 1}, true)
	}
}

// The memory of one model with everything on and full, which is bounded to
// 4 MB, 16 MB of key sets, and the outcomes' window.
func TestMemoryOfAModel(t *testing.T) {
	if raceOn {
		t.Skip("the race detector's own memory would be measured")
	}
	heap := func() int {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	r := joining(loaded(DefaultKeep))
	random := rand.New(rand.NewPCG(3, 4))
	for i := range maxKeys {
		for arm := range arms {
			r.Record(arm, Sample{Key: random.Uint64(), Sticky: true, Latency: time.Duration(i) * time.Microsecond})
		}
		if i%10_000 == 0 {
			r.Snapshot()
			r.NewKeys(Baseline)
			r.NewKeys(Candidate)
		}
	}
	r.Snapshot()
	r.NewKeys(Baseline)
	r.NewKeys(Candidate)
	recorder := heap()
	sets := 0
	for arm := range arms {
		sets += r.keys[arm].bytes() + r.watch.users.Load().arms[arm].bytes()
	}
	for i := range uint64(2 * DefaultKeep) {
		r.Observe(int(i%2), facts(spread(i+1)))
	}
	all := heap()
	s, _ := r.Outcomes()
	rest := recorder - before - sets
	t.Logf("key sets %.2f MB, the rest of the recorder %.2f MB, ledger of %d requests %.2f MB: %.1f bytes each (measured on the heap: %.2f MB)",
		float64(sets)/1e6, float64(rest)/1e6, s.Kept, float64(s.Bytes)/1e6, float64(s.Bytes)/float64(s.Kept), float64(all-recorder)/1e6)
	if rest > 4e6 || sets > 16e6 || s.Kept > DefaultKeep || s.Bytes > 100*DefaultKeep {
		t.Errorf("more than 4 MB, 16 MB and 100 bytes a request")
	}
	runtime.KeepAlive(r)
}
