package rollout

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// measuredAt is the evidence of a rollout at 10 % that joins clicks.
func measuredAt(t *testing.T) *evidence {
	t.Helper()
	s := started()
	s.Policy.Measured.Outcomes = &kpi.Outcomes{Keep: 100, Windows: map[string]time.Duration{kpi.Click: 5 * time.Second}}
	e, err := newEvidence(s)
	if err != nil {
		t.Fatal(err)
	}
	e.split(1000)
	e.count(true)
	e.beginStep(0)
	return e
}

func (e *evidence) mustClose(t *testing.T, now time.Duration) entry {
	t.Helper()
	e.look(now, false)
	data, err := e.close(now, now, e.recorder.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var out entry
	if data == nil {
		t.Fatalf("no stratum at %s", now)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStrataSayWhatTheSampleRatioTestNeeds(t *testing.T) {
	e := measuredAt(t)
	e.look(6*time.Second, false)
	record(e.recorder, kpi.Candidate, 3, false)
	record(e.recorder, kpi.Baseline, 20, true)
	st := e.mustClose(t, 7*time.Second).Stratum
	if st.Weight != 0.1 || st.Diverted || st.Alone {
		t.Errorf("%+v, want a stratum at 10 %%, not diverted", st)
	}
	if b, c := st.Baseline.Measures[kpi.MeasureDrawn].N, st.Candidate.Measures[kpi.MeasureDrawn].N; b != 20 || c != 3 {
		t.Errorf("drawn %d and %d, want 20 and 3", b, c)
	}
	if x := st.Baseline.Measures[kpi.MeasureRepeat]; x.N != 20 || x.K != 20 {
		t.Errorf("repeat watch %+v", x)
	}
	record(e.recorder, kpi.Baseline, 5, false)
	e.look(8*time.Second, true) // the breaker opens
	record(e.recorder, kpi.Baseline, 5, false)
	if st = e.mustClose(t, 9*time.Second).Stratum; !st.Diverted {
		t.Errorf("diverted draws, and the stratum does not say so: %+v", st)
	}
	record(e.recorder, kpi.Candidate, 2, false)
	if st = e.mustClose(t, 10*time.Second).Stratum; st.Diverted || st.Candidate.Measures[kpi.MeasureDrawn].N != 0 {
		t.Errorf("after the breaker has closed: %+v", st)
	}
	// A stratum belongs to the weight under which it was open.
	record(e.recorder, kpi.Candidate, 2, false)
	st = e.mustClose(t, 11*time.Second).Stratum
	e.split(10000)
	e.beginStep(1)
	record(e.recorder, kpi.Candidate, 2, false)
	if next := e.mustClose(t, 12*time.Second).Stratum; st.Alone || st.Weight != 0.1 || !next.Alone || next.Weight != 1 || next.Step != 1 {
		t.Errorf("before %+v, after %+v", st, next)
	}
}

func TestStrataCloseOnOutcomesAlone(t *testing.T) {
	e := measuredAt(t)
	record(e.recorder, kpi.Candidate, 1, false)
	e.recorder.Observe(kpi.Candidate, kpi.Facts{ID: 1})
	if first := e.mustClose(t, time.Second); first.Waiting != 1 {
		t.Errorf("%d requests wait for their click, want 1", first.Waiting)
	}
	e.beginStep(1)
	e.recorder.Outcome(kpi.Outcome{ID: 1, Kind: kpi.Click, Value: 1}, false)
	st := e.mustClose(t, 6*time.Second).Stratum
	if x := st.Candidate.Measures[kpi.MeasureClick]; x.N != 1 || x.K != 1 || x.Served != 1 || st.Step != 1 {
		t.Errorf("click %+v of step 0 in a stratum of step %d", x, st.Step)
	}
}

func TestRestartCountsWhatItLost(t *testing.T) {
	e := measuredAt(t)
	l := &ledger{}
	for i := range 3 {
		record(e.recorder, kpi.Candidate, 1, false)
		e.recorder.Observe(kpi.Candidate, kpi.Facts{ID: uint64(i + 1)})
		e.look(time.Duration(i+1)*time.Second, false)
		data, err := e.close(time.Duration(i+1)*time.Second, 0, e.recorder.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		l.evidence = append(l.evidence, data)
	}
	s := started()
	s.Policy.Measured.Outcomes = &kpi.Outcomes{Keep: 100, Windows: map[string]time.Duration{kpi.Click: 5 * time.Second}}
	next, err := newEvidence(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.restore(t.Context(), l, s); err != nil {
		t.Fatal(err)
	}
	if got, ok := next.recorder.Outcomes(); !ok || got.Lost != 3 || got.Kept != 0 {
		t.Errorf("%+v, want 3 lost", got)
	}
	if r := next.recorder.Outcome(kpi.Outcome{ID: 1, Kind: kpi.Click, Value: 1}, false); r != kpi.OutcomeUnknown {
		t.Errorf("an outcome of a lost request is %s", r)
	}
}

func TestLiveIsWhatIsMeasuredNow(t *testing.T) {
	b := newBench(t)
	if b.ctl.Live() != nil {
		t.Error("live without a rollout")
	}
	v := b.do(t, Command{Kind: Start, Version: "2"})
	live := b.ctl.Live()
	if live == nil || live.Recorder != b.road.now().Recorder || live.Rollout != v.ID || len(live.Policy.Plan) == 0 {
		t.Fatalf("live is %+v", live)
	}
	b.do(t, Command{Kind: Rollback, Reason: "enough"})
	b.await(t, "rolled back", func(v View) bool { return v.Phase == RolledBack })
	if b.ctl.Live() != nil {
		t.Error("live after the end")
	}
}
