package kpi

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestLayoutCountsExactlyAtThresholds(t *testing.T) {
	threshold := 200*time.Millisecond + 1
	l := NewLayout(threshold, 0, -time.Second, threshold)
	edge, ok := l.EdgeIndex(threshold)
	if !ok {
		t.Fatal("the threshold is not an edge")
	}
	for _, c := range []struct {
		name    string
		latency time.Duration
		over    uint64
	}{
		{"one below", threshold - 1, 0},
		{"on the threshold", threshold, 0},
		{"one above", threshold + 1, 1},
		{"slower than all edges", time.Hour, 1},
		{"zero", 0, 0},
		{"a clock that went back", -time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewRecorder(l, Config{})
			r.Record(Baseline, Sample{Latency: c.latency})
			got, _ := r.Snapshot().Since(nil)
			if got.Over(edge) != c.over || got.Requests != 1 {
				t.Errorf("over = %d of %d requests, want %d of 1", got.Over(edge), got.Requests, c.over)
			}
		})
	}
}

func TestLayoutBinIsTheBinarySearch(t *testing.T) {
	l := NewLayout(200*time.Millisecond, 201*time.Millisecond, 3)
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "ns") >> rapid.IntRange(0, 62).Draw(t, "shift"))
		if got, want := l.Bin(d), l.search(d); got != want {
			t.Fatalf("bin of %v is %d, want %d", d, got, want)
		}
	})
	for i, edge := range l.edges {
		if l.Bin(edge) != i || l.Bin(edge+1) != i+1 {
			t.Fatalf("edge %v: bins %d and %d, want %d and %d", edge, l.Bin(edge), l.Bin(edge+1), i, i+1)
		}
	}
}

func TestLayoutGrid(t *testing.T) {
	l := NewLayout()
	if l.Bins() != 693 {
		t.Errorf("%d bins, want 691 between the ends and two at them", l.Bins())
	}
	first, _ := l.Edge(0)
	last, _ := l.Edge(l.Bins() - 2)
	if first != 100*time.Microsecond || last != 100*time.Second {
		t.Errorf("edges from %v to %v", first, last)
	}
	if _, ok := l.Edge(l.Bins() - 1); ok {
		t.Error("the open bin has an edge")
	}
}

func TestQuantile(t *testing.T) {
	l := NewLayout(10*time.Millisecond, 50*time.Millisecond)
	r := NewRecorder(l, Config{})
	for range 90 {
		r.Record(Baseline, Sample{Latency: 10 * time.Millisecond})
	}
	for range 9 {
		r.Record(Baseline, Sample{Latency: 50 * time.Millisecond})
	}
	r.Record(Baseline, Sample{Failed: true})
	counts, empty := r.Snapshot().Since(nil)
	for _, c := range []struct {
		q    float64
		want time.Duration
		ok   bool
	}{{.5, 10 * time.Millisecond, true}, {.9, 10 * time.Millisecond, true}, {.95, 50 * time.Millisecond, true}, {.999, 0, false}} {
		if got, ok := l.Quantile(counts, c.q); got != c.want || ok != c.ok {
			t.Errorf("p%g = %v, %v; want %v, %v", c.q*100, got, ok, c.want, c.ok)
		}
	}
	if _, ok := l.Quantile(empty, .5); ok {
		t.Error("an arm without requests has a quantile")
	}
}
