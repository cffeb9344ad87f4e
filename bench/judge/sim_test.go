package main

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate/headgate/internal/judge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The promised bars, with fewer runs. The healthy row counts without the
// recorder, whose snapshots would take most of the time; that both ways judge
// alike is the next test.
func TestPromisedBars(t *testing.T) {
	rows := promised()
	rows[0].world.record = false
	var out bytes.Buffer
	missed, err := print(&out, "quick", rows, "", func(int) int { return quickRuns }, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	if missed > 0 {
		t.Errorf("%d bars missed", missed)
	}
}

func TestRecorderAndDirectCountsAreJudgedAlike(t *testing.T) {
	for _, r := range append(promised(), published()[9]) { // the latter draws latencies
		w := r.at(50)
		w.length = min(w.length, 5*time.Minute)
		for seed := range uint64(5) {
			w.record = true
			a, err := simulate(w, rand.New(rand.NewPCG(seed, 1)))
			if err != nil {
				t.Fatal(err)
			}
			w.record = false
			b, err := simulate(w, rand.New(rand.NewPCG(seed, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if a != b {
				t.Errorf("%s, seed %d: recorder %+v, direct %+v", r.name, seed, a, b)
			}
		}
	}
}

func TestSameSeedSameTable(t *testing.T) {
	rows := promised()[1:2]
	var a, b bytes.Buffer
	for _, out := range []*bytes.Buffer{&a, &b} {
		if _, err := print(out, "t", rows, "", func(int) int { return 20 }, 7); err != nil {
			t.Fatal(err)
		}
	}
	if a.String() != b.String() {
		t.Errorf("%s\n%s", a.String(), b.String())
	}
}

func TestMissedBarsAreCounted(t *testing.T) {
	impossible := []row{
		{"a", median, 10, failing(gateOf("", guardText), .20), 0, []bar{{50, 0.5}}},
		// A candidate that fails is no healthy one.
		{"b", hits, 10, failing(gateOf("", guardText), .20), 0, []bar{{50, .05}}},
		{"c", median, 10, with(showing("1%"), func(w *world) { w.length = time.Minute }), 0, []bar{{5, 10}}},
	}
	var out bytes.Buffer
	missed, err := print(&out, "t", impossible, "", func(n int) int { return n }, 1)
	if err != nil {
		t.Fatal(err)
	}
	if missed != 3 || strings.Count(out.String(), "**missed**") != 3 || !strings.Contains(out.String(), "never") {
		t.Errorf("%d missed:\n%s", missed, out.String())
	}
}

func TestClopperPearson(t *testing.T) {
	for _, c := range []struct {
		hit, n int
		want   float64
	}{{0, 59, .0495}, {20, 1000, .0289}, {5, 5, 1}} {
		if got := clopperPearson(c.hit, c.n); got < c.want-.0005 || got > c.want+.0005 {
			t.Errorf("%d of %d: %.4f, want %.4f", c.hit, c.n, got, c.want)
		}
	}
}

func TestBrokenWorldIsAnError(t *testing.T) {
	w := healthy([]judge.GateConfig{{Name: "x", RollbackWhen: "ctr < baseline"}})
	w.rate = constant(1)
	if _, err := runAll(w, 1, 1, 1); err == nil {
		t.Error("an unknown KPI was simulated")
	}
}
