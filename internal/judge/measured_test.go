package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// addRequests gives the judge a stratum of a second: a step's baseline requests,
// and n of the candidate's that took latency.
type addRequests func(step int, baseline int, latency time.Duration, n int) GateVerdict

// latencyGate is a judge with one gate, at 200 ms.
func latencyGate(t *testing.T) (c Config, layout *kpi.Layout, j *Judge, add addRequests) {
	t.Helper()
	c = Config{Gates: []GateConfig{{Name: "latency", Require: "latency_p90 <= 200ms"}}}
	c.SetDefaults()
	layout = kpi.NewLayout(c.Thresholds()...)
	j, err := New(c, layout, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	rec := kpi.NewRecorder(layout, kpi.Config{})
	last, seq := rec.Snapshot(), uint64(0)
	return c, layout, j, func(step int, baseline int, latency time.Duration, n int) GateVerdict {
		for range baseline {
			rec.Record(kpi.Baseline, kpi.Sample{Latency: 5 * time.Millisecond})
		}
		for range n {
			rec.Record(kpi.Candidate, kpi.Sample{Latency: latency})
		}
		now := rec.Snapshot()
		b, cand := now.Since(last)
		last, seq = now, seq+1
		j.Add(kpi.Stratum{Seq: seq, Step: step, From: time.Duration(seq-1) * time.Second, To: time.Duration(seq) * time.Second, Baseline: b, Candidate: cand})
		return j.Judgement().Gates[0]
	}
}

// What was good in the canary must not cover, in the incident, what is bad in
// the bake.
func TestAVerdictShowsWhatItsStepMeasured(t *testing.T) {
	c, layout, j, add := latencyGate(t)
	add(0, 1000, 8*time.Millisecond, 2000)
	young := add(1, 0, 300*time.Millisecond, 10)
	if young.N.Candidate != 2010 {
		t.Errorf("a young step shows %d candidate requests, want those of the rollout", young.N.Candidate)
	}
	v := add(1, 0, 300*time.Millisecond, 90)
	if v.Candidate == nil || *v.Candidate < .2 || v.N.Candidate != 100 {
		t.Fatalf("candidate %v of %d, want above 200 ms of 100", v.Candidate, v.N.Candidate)
	}
	if v.Baseline == nil || v.N.Baseline != 1000 {
		t.Errorf("baseline %v of %d, want what was measured before the bake", v.Baseline, v.N.Baseline)
	}
	data, err := j.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(c, layout, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Restore(data); err != nil {
		t.Fatal(err)
	}
	if got := again.Judgement().Gates[0]; got.N != v.N || *got.Candidate != *v.Candidate {
		t.Errorf("restored: %+v, want %+v", got.N, v.N)
	}
}

// TestAVerdictSaysWhereItWasMeasured: a young step shows the rollout's numbers,
// and does not call them its own.
func TestAVerdictSaysWhereItWasMeasured(t *testing.T) {
	_, _, _, add := latencyGate(t)
	v := add(0, 1000, 8*time.Millisecond, 2000)
	for range 50 {
		if v = add(0, 0, 300*time.Millisecond, 100); v.Verdict == Fail {
			break
		}
	}
	if v.Verdict != Fail || !strings.Contains(v.Reason, "s; in the step candidate ") {
		t.Errorf("%s: %s", v.Verdict, v.Reason)
	}
	v = add(1, 0, 300*time.Millisecond, 10)
	if v.Verdict != Fail || !strings.Contains(v.Reason, "s; in the rollout candidate ") {
		t.Errorf("%s in a young step: %s", v.Verdict, v.Reason)
	}
}
