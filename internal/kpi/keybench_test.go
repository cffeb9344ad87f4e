package kpi

import (
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkRecordSticky is the whole path of a request with the key of a user who
// comes again, in sets that hold 131,072: mostly misses of the cache.
func BenchmarkRecordSticky(b *testing.B) {
	r := NewRecorder(NewLayout(200*time.Millisecond), Config{})
	keys := make([]uint64, 1<<17)
	for i := range keys {
		keys[i] = rand.Uint64()
	}
	for _, key := range keys {
		r.Record(Candidate, Sample{Key: key, Sticky: true})
	}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		at := rand.IntN(len(keys))
		for d := time.Duration(0); pb.Next(); d += 997 {
			at = (at + 1) % len(keys)
			r.Record(Candidate, Sample{Key: keys[at], Sticky: true, Latency: d % (50 * time.Millisecond)})
		}
	})
}
