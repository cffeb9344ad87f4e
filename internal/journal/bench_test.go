package journal

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func BenchmarkCommit(b *testing.B) {
	for _, records := range []int{0, 1, 3} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			j := openBench(b, b.TempDir())
			state := []byte(strings.Repeat("s", 2000))
			bodies := make([]json.RawMessage, records)
			for i := range bodies {
				bodies[i] = json.RawMessage(`{"what":"` + strings.Repeat("r", 400) + `"}`)
			}
			rev := uint64(0)
			for b.Loop() {
				var err error
				if rev, err = j.Commit(b.Context(), "k", rev, state, bodies...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendEvidence(b *testing.B) {
	j := openBench(b, b.TempDir())
	data := []byte(strings.Repeat("e", 2000))
	seq := uint64(0)
	for b.Loop() {
		seq++
		if err := j.AppendEvidence(b.Context(), "k", seq, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, records := range []int{0, 1_000, 20_000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			dir := b.TempDir()
			fill(b, dir, records)
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				b.StopTimer()
				routines := runtime.NumGoroutine()
				b.StartTimer()
				j := openBench(b, dir)
				b.StopTimer()
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(runtime.NumGoroutine()-routines), "goroutines")
				b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "MiB")
				if err := j.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

func fill(b *testing.B, dir string, records int) {
	b.Helper()
	j := openBench(b, dir)
	rev := uint64(0)
	for done := 0; done < records; {
		n := min(mostRecords, records-done)
		bodies := make([]json.RawMessage, n)
		for i := range bodies {
			bodies[i] = json.RawMessage(`{"what":"` + strings.Repeat("r", 400) + `"}`)
		}
		var err error
		if rev, err = j.Commit(b.Context(), "k", rev, []byte("s"), bodies...); err != nil {
			b.Fatal(err)
		}
		done += n
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

func openBench(b *testing.B, dir string) *Journal {
	b.Helper()
	j, err := Open(Config{Dir: dir, LockWait: quick}, hclog.NewNullLogger())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = j.Close() })
	return j
}
