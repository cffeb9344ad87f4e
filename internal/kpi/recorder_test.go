package kpi

import (
	"encoding/json"
	"reflect"
	"sync"
	"testing"
	"time"
)

func TestRecordDoesNotAllocate(t *testing.T) {
	r := NewRecorder(NewLayout(200*time.Millisecond), Config{})
	r.Record(Candidate, Sample{Key: 1, Sticky: true})
	key := uint64(1)
	for _, c := range []struct {
		name   string
		sample func() Sample
	}{
		{"success", func() Sample { return Sample{Latency: 3 * time.Millisecond} }},
		{"failure", func() Sample { return Sample{Failed: true} }},
		{"repeat", func() Sample { return Sample{Key: 1, Sticky: true} }},
		{"new key", func() Sample { key += 0x9E3779B97F4A7C15; return Sample{Key: key, Sticky: true} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(200, func() { r.Record(Candidate, c.sample()) }); n != 0 {
				t.Errorf("%v allocations per sample", n)
			}
		})
	}
}

func TestFirstOutcomePerStickyKey(t *testing.T) {
	r := NewRecorder(NewLayout(), Config{})
	r.SetCounting(false)
	r.Record(Candidate, Sample{Key: 7, Sticky: true, Failed: true})
	r.SetCounting(true)
	r.SeedKeys(Candidate, []uint64{9, 0})
	for range 5 {
		r.Record(Candidate, Sample{Key: 7, Sticky: true, Failed: true})
		r.Record(Candidate, Sample{Key: 9, Sticky: true, Failed: true})
		r.Record(Candidate, Sample{Key: 7})
		r.Record(Baseline, Sample{Key: 9, Sticky: true})
	}
	b, c := r.Snapshot().Since(nil)
	if c.Requests != 6 || c.Failures != 1 || c.Repeats != 9 {
		t.Errorf("candidate %+v, want 6 requests, 1 failure, 9 repeats", c)
	}
	if b.Requests != 1 || b.Repeats != 4 {
		t.Errorf("baseline %+v, want 1 request, 4 repeats", b)
	}
	if got := r.NewKeys(Candidate); !reflect.DeepEqual(got, []uint64{7}) {
		t.Errorf("new keys %v, want [7]", got)
	}
	if got := r.NewKeys(Candidate); got != nil {
		t.Errorf("new keys once more: %v", got)
	}
}

// Snapshots taken while samples come in must add up to what was recorded:
// nothing lost, nothing doubled, and never more failures than requests.
func TestSnapshotsLoseAndDoubleNothing(t *testing.T) {
	const writers, each = 4, 20_000
	r := NewRecorder(NewLayout(), Config{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				// All writers bring the same keys, so each counts once.
				r.Record(Candidate, Sample{Key: uint64(i+1) * 0x9E3779B97F4A7C15, Sticky: true, Failed: i%2 == 0})
				r.Record(Baseline, Sample{Failed: i%2 == 0, Latency: time.Duration(w+1) * time.Millisecond})
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var total [arms]Counts
	var keys int
	var last *Snapshot
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		now := r.Snapshot()
		b, c := now.Since(last)
		last = now
		for arm, counts := range []Counts{b, c} {
			if counts.Failures > counts.Requests {
				t.Fatalf("torn: %+v", counts)
			}
			total[arm].Requests += counts.Requests
			total[arm].Failures += counts.Failures
			total[arm].Repeats += counts.Repeats
		}
		keys += len(r.NewKeys(Candidate))
	}
	if b := total[Baseline]; b.Requests != writers*each || b.Failures != writers*each/2 {
		t.Errorf("baseline %+v", b)
	}
	if c := total[Candidate]; c.Requests != each || c.Failures != each/2 || c.Repeats != (writers-1)*each {
		t.Errorf("candidate %+v", c)
	}
	if keys != each {
		t.Errorf("%d new keys, want %d", keys, each)
	}
}

func TestKeySetWhenFull(t *testing.T) {
	r := NewRecorder(NewLayout(), Config{})
	const limit = 1 << 15 // maxKeys of them take half a minute under -race
	r.keys[Candidate].limit = limit
	key := func(i int) uint64 { return uint64(i+1) * 0xD6E8FEB86659FD93 }
	keys := make([]uint64, limit)
	for i := range keys {
		keys[i] = key(i)
	}
	r.SeedKeys(Candidate, keys)
	r.Record(Candidate, Sample{Key: key(0), Sticky: true})
	r.Record(Candidate, Sample{Key: key(limit - 1), Sticky: true})
	r.Record(Candidate, Sample{Key: key(limit), Sticky: true})
	r.Record(Candidate, Sample{Key: key(limit), Sticky: true})
	_, c := r.Snapshot().Since(nil)
	if c.Repeats != 2 || c.Requests != 2 || c.Overflow != 2 {
		t.Errorf("%+v, want 2 repeats and 2 requests of an unknown key, both overflowing", c)
	}
	if n := r.keys[Candidate].count.Load(); n != limit {
		t.Errorf("%d keys remembered of %d", n, limit)
	}
}

func TestStratumJSON(t *testing.T) {
	s := Stratum{Seq: 3, Step: 1, From: time.Second, To: 2500 * time.Millisecond,
		Baseline: Counts{Requests: 6, Failures: 1, Latency: Latency{{0, 1}, {1, 1}, {400, 3}}}, Candidate: Counts{Repeats: 2}}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":3,"step":1,"from_ns":1000000000,"to_ns":2500000000,"baseline":{"requests":6,"failures":1,"latency":[0,1,1,1,399,3]},"candidate":{"requests":0,"failures":0,"repeats":2}}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	var back Stratum
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("read back %+v, %v", back, err)
	}
	for _, broken := range []string{`[1]`, `[1,2,0,3]`, `[70000,1]`, `[-1,1]`, `"x"`} {
		if err := json.Unmarshal([]byte(broken), new(Latency)); err == nil {
			t.Errorf("%s was accepted", broken)
		}
	}
}

func TestCloseDue(t *testing.T) {
	for _, c := range []struct {
		name string
		open time.Duration
		nc   uint64
		want bool
	}{
		{"too early", 999 * time.Millisecond, 1000, false},
		{"enough requests", time.Second, 5, true},
		{"too few requests", 9 * time.Second, 4, false},
		{"long enough", 10 * time.Second, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := CloseDue(c.open, c.nc); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func BenchmarkRecord(b *testing.B) {
	r := NewRecorder(NewLayout(200*time.Millisecond), Config{})
	b.RunParallel(func(pb *testing.PB) {
		for d := time.Duration(0); pb.Next(); d += 997 {
			r.Record(Candidate, Sample{Latency: d % (50 * time.Millisecond)})
		}
	})
}

func BenchmarkSnapshot(b *testing.B) {
	r := NewRecorder(NewLayout(200*time.Millisecond), Config{})
	last := r.Snapshot()
	for b.Loop() {
		now := r.Snapshot()
		now.Since(last)
		last = now
	}
}
