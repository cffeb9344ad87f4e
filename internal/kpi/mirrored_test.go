package kpi

import (
	"testing"
	"time"
)

func scoredAs(id uint64, score float64) Facts { return Facts{ID: id, Rows: []Row{{Score: score}}} }

// A label is held against both answers; what the user did belongs to the answer
// that came.
func TestLabelsOfMirroredRequestsCountForBothArms(t *testing.T) {
	r := joining(everything(100))
	r.BeginStep(0)
	r.Mirror(true)
	r.Observe(Baseline, scoredAs(1, 0.25))
	r.ObserveShadow(scoredAs(1, 0.75))
	r.wantResult(t, Outcome{ID: 1, Kind: Label, Value: 1}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 1, Kind: Label, Value: 1}, OutcomeDuplicate)
	r.wantResult(t, Outcome{ID: 1, Kind: Label, Value: 0}, OutcomeConflict)
	r.wantResult(t, Outcome{ID: 1, Kind: Click, Value: 1}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 1, Kind: Conversion, Value: 1}, OutcomeAccepted)
	r.wantResult(t, Outcome{ID: 1, Kind: Value, Name: "revenue", Value: 9}, OutcomeAccepted)
	r.Tick(time.Minute) // every window has closed
	b, c := r.Drain()
	for name, want := range map[string][arms]Measure{
		MeasurePositive:          {{N: 1}, {N: 1, K: 1}},
		MeasureError:             {{N: 1, Sum: -0.75, Square: 0.5625}, {N: 1, Sum: -0.25, Square: 0.0625}},
		MeasureClick:             {{N: 1, K: 1}, {}},
		MeasureConversion:        {{N: 1, K: 1}, {}},
		MeasureValue + "revenue": {{N: 1, Sum: 9, Square: 81}, {}},
		MeasureMissing + Label:   {{N: 1}, {N: 1}},
		MeasureMissing + Value:   {{N: 1}, {}},
	} {
		for arm, got := range []Measure{b[name], c[name]} {
			if got.N != want[arm].N || got.K != want[arm].K || got.Sum != want[arm].Sum || got.Square != want[arm].Square {
				t.Errorf("%s of arm %d: %+v, want %+v", name, arm, got, want[arm])
			}
		}
	}
	if s, _ := r.Outcomes(); s.Kinds[Label].Results["accepted"] != 1 || s.Kinds[Label].Results["unknown"] != 0 {
		t.Errorf("%+v", s.Kinds[Label])
	}
}

// The order in which the live answer, the shadow's and the label are known does
// not matter.
func TestLabelsWaitForTheShadow(t *testing.T) {
	live := func(r *Recorder) { r.Observe(Baseline, scoredAs(1, 0.25)) }
	copied := func(r *Recorder) { r.ObserveShadow(scoredAs(1, 0.75)) }
	label := func(r *Recorder) { r.Outcome(Outcome{ID: 1, Kind: Label, Value: 1}, true) }
	for name, order := range map[string][]func(*Recorder){
		"label in the middle": {live, label, copied}, "label last": {live, copied, label}, "label first": {label, live, copied},
		"shadow first": {copied, label, live}, "shadow before live": {copied, live, label}, "label, shadow, live": {label, copied, live},
	} {
		r := joining(everything(100))
		r.Mirror(true)
		for _, f := range order {
			f(r)
		}
		b, c := r.Drain()
		if b[MeasurePositive].N != 1 || b[MeasurePositive].K != 0 || c[MeasurePositive].N != 1 || c[MeasurePositive].K != 1 {
			t.Errorf("%s: baseline %+v, candidate %+v", name, b[MeasurePositive], c[MeasurePositive])
		}
		if s, _ := r.Outcomes(); s.Kinds[Label].Results["accepted"] != 1 || s.Early != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// A shadow that never answers leaves nothing behind: not an unknown outcome, and
// no prediction of the candidate's.
func TestLabelsOfLostShadowsAreForgotten(t *testing.T) {
	r := joining(everything(100))
	r.Mirror(true)
	r.Observe(Baseline, scoredAs(1, 0.25))
	r.wantResult(t, Outcome{ID: 1, Kind: Label, Value: 1}, OutcomeAccepted)
	if s, _ := r.Outcomes(); s.Early != 1 {
		t.Errorf("%d wait", s.Early)
	}
	r.Tick(earlyWait + time.Second)
	_, c := r.Drain()
	s, _ := r.Outcomes()
	if s.Early != 0 || s.Kinds[Label].Results["unknown"] != 0 || c[MeasurePositive].N != 0 {
		t.Errorf("%+v, candidate %+v", s, c)
	}
}

// Of two places one mirrored request takes both, and the next one pushes out its
// live answer, the older of the two.
func TestAMirroredRequestTakesTwoPlaces(t *testing.T) {
	r := joining(everything(2))
	r.Mirror(true)
	r.Observe(Baseline, scoredAs(1, 0.25))
	if s, _ := r.Outcomes(); s.Kept != 1 {
		t.Errorf("%d places before the shadow's answer", s.Kept)
	}
	r.ObserveShadow(scoredAs(1, 0.75))
	if s, _ := r.Outcomes(); s.Kept != 2 || s.Kinds[Label].Dropped != 0 {
		t.Errorf("%d places, %d dropped", s.Kept, s.Kinds[Label].Dropped)
	}
	r.Observe(Baseline, scoredAs(2, 0.5))
	if s, _ := r.Outcomes(); s.Kept != 2 || s.Kinds[Label].Dropped != 1 {
		t.Errorf("after another request: %d places, %d dropped", s.Kept, s.Kinds[Label].Dropped)
	}
}

// What comes when the shadow step is over is not counted: it would pass for an
// answer that a user got.
func TestLateShadowsAreNotCounted(t *testing.T) {
	r := joining(everything(100))
	r.Mirror(true)
	r.Mirror(false)
	r.Observe(Baseline, scoredAs(1, 0.25))
	r.ObserveShadow(scoredAs(1, 0.75))
	r.Outcome(Outcome{ID: 1, Kind: Label, Value: 1}, true)
	if _, c := r.Drain(); len(c) != 0 {
		t.Errorf("candidate %+v", c)
	}
	if s, _ := r.Outcomes(); s.Early != 0 {
		t.Errorf("%d wait", s.Early)
	}
}

func TestCountsSaysWhatRecordWillDo(t *testing.T) {
	r := joining(Config{})
	for key := range uint64(20_000) {
		s := Sample{Key: spread(key % 15_000), Sticky: true}
		if want := r.Counts(Baseline, s); r.Record(Baseline, s) != want {
			t.Fatalf("key %d: Counts said %v", key, want)
		}
	}
	if !r.Counts(Candidate, Sample{Key: 1, Sticky: true}) || !r.Counts(Baseline, Sample{}) {
		t.Error("a first outcome does not count")
	}
	r.SetCounting(false)
	if r.Counts(Baseline, Sample{}) {
		t.Error("counts in the warm-up")
	}
}
