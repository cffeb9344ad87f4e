package main

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// The two classes' scores are as far apart as the AUC says, but for ties within
// a bin.
func TestScoresHaveTheirAUC(t *testing.T) {
	for _, want := range []float64{.5, .75, .85} {
		var w window
		for class := range w.score {
			s := scoreSampler(want, class)
			w.score[class] = make([]float64, kpi.ScaleBins)
			for i, keep := range s.accept {
				w.score[class][i] += keep
				w.score[class][s.other[i]] += 1 - keep
			}
		}
		if auc, _ := w.area(); math.Abs(auc-want) > 1e-3 {
			t.Errorf("AUC %v, want %v", auc, want)
		}
	}
}

// Nothing is known before the lag is over, and all of it after: clicks and
// scores reach the judge's counts and the peers alike.
func TestOutcomesComeLate(t *testing.T) {
	w := healthy(guardText)
	w.late = &lateness{lag: 10 * time.Minute, clicks: [2]float64{.1, .1}, auc: [2]float64{.8, .7}}
	w = w.at(500)
	run, err := newSetting(w, true).rollout(rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	run.serveLate(9*time.Minute, 10*time.Minute)
	if m := run.late.take(kpi.Candidate); len(m) != 0 {
		t.Fatalf("before the lag was over: %v", m)
	}
	run.serveLate(10*time.Minute, 11*time.Minute)
	m := run.late.take(kpi.Candidate)
	const n = 500 * 60 * .1
	click, pos, neg := m[kpi.MeasureClick], m[kpi.MeasurePositive], m[kpi.MeasureNegative]
	for name, got := range map[string][2]float64{
		"impressions": {float64(click.N), n},
		"clicks":      {float64(click.K), n * .1},
		"positives":   {float64(pos.N), n * positives},
		"negatives":   {float64(neg.N), n * (1 - positives)},
	} {
		if math.Abs(got[0]-got[1]) > 5*math.Sqrt(got[1]) {
			t.Errorf("%s: %v, expected about %v", name, got[0], got[1])
		}
	}
	if seen := run.peers.open[kpi.Candidate]; seen.n != float64(click.N) || seen.n-seen.failures != float64(click.K) {
		t.Errorf("the peers saw %v and %v", seen.n, seen.failures)
	}
	if again := run.late.take(kpi.Candidate); len(again) != 0 {
		t.Errorf("taken twice: %v", again)
	}
}
