package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate/headgate/internal/kpi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testLab(runs int, seed uint64) *lab {
	return &lab{seed: seed, runs: runs, done: map[key][]outcome{}, progress: func(string, ...any) {}}
}

// The promised bars, with few runs: the bound of the healthy row takes more, so
// here its share is held against the bar. It counts without the recorder, whose
// snapshots would take most of the time; that both ways judge alike is the next
// test.
func TestPromisedBars(t *testing.T) {
	rows := promised()
	rows.rows[0].of.world.record, rows.rows[0].measure = false, share
	var out bytes.Buffer
	missed, err := rows.print(&out, testLab(100, 1), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	if missed > 0 {
		t.Errorf("%d bars missed", missed)
	}
}

// Latencies, sticky users and plain errors: the recorder of production and the
// short way here see the same.
func TestRecorderAndDirectCountsAreJudgedAlike(t *testing.T) {
	worlds := map[string]world{
		"clean baseline": clean(),
		"+20 points":     failing(guardText, .2),
		"safe":           showing("1%", 0, 4*hour),
		"slower":         with(healthy(guardText), slow("latency > baseline", 1.2, .3)),
		"sticky": with(healthy("error_rate > baseline - 0.4%"), func(w *world) { // far over its limit
			w.sticky = true
		}),
	}
	for name, w := range worlds {
		decided := 0
		w := w.at(50)
		w.length = min(w.length, 20*time.Minute)
		for seed := range uint64(5) {
			w.record = true
			a, err := newSetting(w, false).simulate(rand.New(rand.NewPCG(seed, 1)))
			if err != nil {
				t.Fatal(err)
			}
			w.record = false
			b, err := newSetting(w, false).simulate(rand.New(rand.NewPCG(seed, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if a != b {
				t.Errorf("%s, seed %d: recorder %+v, direct %+v", name, seed, a, b)
			}
			if a[0].hit {
				decided++
			}
		}
		if decided == 0 {
			t.Errorf("%s: no run was decided, nothing was compared", name)
		}
	}
}

// Our decision may not depend on whether the peers look as well.
func TestPeersChangeNothingForOurs(t *testing.T) {
	w := failing(guardText, .02).at(50)
	for seed := range uint64(10) {
		alone, err := newSetting(w, false).simulate(rand.New(rand.NewPCG(seed, 1)))
		if err != nil {
			t.Fatal(err)
		}
		beside, err := newSetting(w, true).simulate(rand.New(rand.NewPCG(seed, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if alone[0] != beside[0] || !beside[1].hit {
			t.Errorf("seed %d: alone %+v, beside the peers %+v", seed, alone[0], beside)
		}
	}
}

func TestSameSeedSameTable(t *testing.T) {
	rows := promised()
	rows.rows = rows.rows[1:2]
	var text [3]string
	for i, seed := range []uint64{7, 7, 8} {
		var out bytes.Buffer
		if _, err := rows.print(&out, testLab(20, seed), ""); err != nil {
			t.Fatal(err)
		}
		text[i] = out.String()
	}
	if text[0] != text[1] || text[0] == text[2] {
		t.Errorf("%s\n%s\n%s", text[0], text[1], text[2])
	}
}

func TestMissedBarsAreCounted(t *testing.T) {
	impossible := table{title: "t", rows: []row{
		{scenario{"a", 10, failing(guardText, .20)}, median, []bar{{50, 0.5}}},
		// A candidate that fails is no healthy one.
		{scenario{"b", 10, failing(guardText, .20)}, share, []bar{{50, .05}}},
		{scenario{"c", 10, showing("1%", 0, time.Minute)}, median, []bar{{5, 10}}},
	}}
	var out bytes.Buffer
	missed, err := impossible.print(&out, testLab(0, 1), "")
	if err != nil {
		t.Fatal(err)
	}
	if missed != 3 || strings.Count(out.String(), "**missed**") != 3 || !strings.Contains(out.String(), "never") {
		t.Errorf("%d missed:\n%s", missed, out.String())
	}
}

func TestBrokenWorldIsAnError(t *testing.T) {
	w := healthy("nonsense < baseline")
	if _, err := newSetting(w.at(1), false).runAll(1, 1, 1); err == nil {
		t.Error("an unknown KPI was simulated")
	}
}

func TestBadFlagsAreErrors(t *testing.T) {
	for _, args := range [][]string{{"--runs", "-1"}, {"word"}, {"--seed", "x"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

// The command as it is used: few runs, all tables, both plots.
func TestPublish(t *testing.T) {
	dir := t.TempDir()
	var talk bytes.Buffer
	if _, err := run(&bytes.Buffer{}, &talk, []string{"--out", dir, "--runs", "1"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "judge.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range append([]table{promised()}, tables()...) {
		if !strings.Contains(string(text), "## "+part.title) {
			t.Errorf("no part %q", part.title)
		}
	}
	for _, name := range []string{delayPlot, evidencePlot} {
		svg, err := os.ReadFile(filepath.Join(dir, "judge", name))
		if err != nil || !strings.HasPrefix(string(svg), "<svg") || !strings.HasSuffix(strings.TrimSpace(string(svg)), "</svg>") {
			t.Errorf("%s: %v, %.60s", name, err, svg)
		}
		if !strings.Contains(string(text), "judge/"+name) {
			t.Errorf("the text shows no %s", name)
		}
	}
}

// The committed page is what the code prints: its words, its tables, its plots.
func TestPublishedPageIsOurs(t *testing.T) {
	text, err := os.ReadFile("../../docs/judge.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := append([]table{promised()}, tables()...)
	want := []string{heading, "Made by `go run ./bench/judge --out docs", pictures, ending}
	for _, part := range parts {
		want = append(want, "## "+part.title+"\n\n"+part.intro+"\n\n"+part.head())
		for _, r := range part.rows {
			want = append(want, "| "+r.label()+" |")
		}
	}
	for _, words := range want {
		if !strings.Contains(string(text), words) {
			t.Errorf("docs/judge.md is not of this code, run make bench-judge; it lacks\n%s", words)
		}
	}
	for _, name := range []string{delayPlot, evidencePlot} {
		if _, err := os.Stat(filepath.Join("../../docs/judge", name)); err != nil {
			t.Error(err)
		}
	}
}

// The simulated controller may not look at a stratum before production would,
// nor skip a moment at which production would have closed it.
func TestLeastOpenIsProductions(t *testing.T) {
	if kpi.CloseDue(leastOpen-tick, 1<<40) || !kpi.CloseDue(leastOpen, 1<<40) {
		t.Errorf("strata close after something else than %v", leastOpen)
	}
}
