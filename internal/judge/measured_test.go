package judge

import (
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// What was good in the canary must not cover, in the incident, what is bad in
// the bake.
func TestAVerdictShowsWhatItsStepMeasured(t *testing.T) {
	c := Config{Gates: []GateConfig{{Name: "latency", Require: "latency_p90 <= 200ms"}}}
	c.SetDefaults()
	layout := kpi.NewLayout(c.Thresholds()...)
	j, err := New(c, layout, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	rec := kpi.NewRecorder(layout, kpi.Config{})
	last, seq := rec.Snapshot(), uint64(0)
	add := func(step int, baseline int, latency time.Duration, n int) GateVerdict {
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
