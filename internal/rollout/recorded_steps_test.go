package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// stepsOf is shadow with three windows → approve → two canaries → promote → bake.
func stepsOf() rollout.Config {
	p := policyOf([]time.Duration{8 * time.Second, 8 * time.Second},
		judge.GateConfig{Name: "agreement", Require: "agreement >= 95%"}, judge.GateConfig{Name: "errors", Require: "error_rate <= baseline + 10%"})
	p.Plan = append([]rollout.Step{
		{Shadow: &rollout.ShadowStep{Hold: 60 * time.Second, Every: 20 * time.Second}},
		{Approve: &rollout.ApproveStep{Role: "lead"}},
	}, p.Plan...)
	p.SetDefaults()
	return p
}

// copies lets seconds pass in which users are answered by the baseline, and so
// many of a hundred copies agree.
func (s *stage) copies(seconds int, agree int) {
	for range seconds {
		if s.lane.Now.Shadow > 0 {
			for i := range 100 {
				s.lane.Now.Recorder.Record(kpi.Baseline, kpi.Sample{Key: uint64(i), Sticky: true, Latency: 60 * time.Millisecond})
				k := uint64(0)
				if i < agree {
					k = 1
				}
				s.lane.Now.Recorder.Meter().Count(kpi.Candidate, kpi.MeasureAgreement, 1, k)
				s.lane.Now.Recorder.Meter().Count(kpi.Candidate, kpi.MeasureShadow, 1, 0)
			}
		}
		s.clock.At = s.clock.At.Add(time.Second)
		s.ctl.Tick()
	}
}

// killed is the rollout in the next process: this one wrote nothing at its end.
func (s *stage) killed(j *journal.Journal) *stage {
	s.ctl.Stop()
	next := boot(s.t, s.model, j, j, s.clock.At, stepsOf(), s.traffic)
	if next.lane.Weight() != 0 || next.lane.Now.Shadow != 0 {
		s.t.Fatalf("a restart gave the candidate %s and copies of %s", next.lane.Weight(), next.lane.Now.Shadow)
	}
	next.sent = s.sent
	return next
}

func TestShadowApproveCanaryThroughRestartsAndInTheReplay(t *testing.T) {
	j := openJournal(t, t.TempDir())
	t.Cleanup(func() { _ = j.Close() })
	s := boot(t, "m", j, j, morning, stepsOf(), quiet)
	s.order(rollout.Command{Kind: rollout.Start, Version: "2", By: "ann"})
	if v := s.ctl.View(); v.Phase != rollout.Shadowing || v.Weight != 0 || v.Shadow != canary.Full || s.lane.Now.Shadow != canary.Full {
		t.Fatalf("begun as %s at %s, copies of %s", v.Phase, v.Weight, v.Shadow)
	}
	s.copies(25, 100)
	if v := s.ctl.View(); v.Step.Shown != 1 {
		t.Fatalf("%d windows shown after 25 s: %s", v.Step.Shown, v.Message)
	}
	s = s.killed(j) // within the second window, with a stratum open
	s.copies(1, 100)
	if v := s.ctl.View(); v.Phase != rollout.Shadowing || v.Step.Shown != 1 || v.Step.HeldS < 20 || v.Shadow != canary.Full {
		t.Fatalf("after the kill %s(%s), %d windows, held %v", v.Phase, v.Reason, v.Step.Shown, v.Step.HeldS)
	}
	s.copies(24, 20) // hardly any agrees
	if v := s.ctl.View(); v.Phase != rollout.RollingBack && v.Phase != rollout.RolledBack || v.Cause != rollout.CauseGate {
		t.Fatalf("%s: a candidate that disagrees was not taken back", v.Phase)
	}
	if r := replayed(t, recording(t, "m", j), nil); !r.Identical {
		t.Errorf("not identical: %s\n%s", pretty(r), story(recording(t, "m", j)))
	}
}

func TestAWindowMissedStartsTheCountAgain(t *testing.T) {
	j := openJournal(t, t.TempDir())
	t.Cleanup(func() { _ = j.Close() })
	s := boot(t, "m", j, j, morning, stepsOf(), quiet)
	s.order(rollout.Command{Kind: rollout.Start, Version: "2", By: "ann"})
	s.copies(21, 100)
	s.copies(20, 96) // neither shown nor failed
	if v := s.ctl.View(); v.Step.Shown != 0 || v.Step.HeldS > 5 || !strings.Contains(v.Message, "window 2 of 3 ended without being shown") {
		t.Fatalf("%d windows, held %v: %s", v.Step.Shown, v.Step.HeldS, v.Message)
	}
	s = s.killed(j)
	for range 3 {
		s.copies(22, 100)
		s = s.killed(j)
	}
	s.copies(8, 100)
	v := s.ctl.View()
	if v.Phase != rollout.Paused || v.Reason != rollout.ReasonApproval || v.Step.Kind != "approve" || v.Weight != 0 || s.lane.Now.Shadow != canary.Full {
		t.Fatalf("%s(%s) in %s, %d windows: %s", v.Phase, v.Reason, v.Step.Kind, v.Step.Shown, v.Message)
	}
	if _, err := s.ctl.Approve(t.Context(), rollout.Approval{}); err == nil {
		t.Error("an empty approval was kept")
	}
	s = s.killed(j)
	s.copies(3, 100)
	if v = s.ctl.View(); v.Reason != rollout.ReasonApproval || v.Shadow != canary.Full {
		t.Fatalf("after a kill in front of the approval %s(%s), copies of %s", v.Phase, v.Reason, v.Shadow)
	}
	s.ctl.Handle(t, rollout.Approving{Approval: rollout.Approval{Version: "2", For: rollout.ForProduction, Role: "lead", By: "bob", Comment: "seen"}, Policy: stepsOf()})
	s.copies(1, 100)
	if v = s.ctl.View(); v.Phase != rollout.Progressing || v.Weight != 1000 || s.lane.Now.Shadow != 0 {
		t.Fatalf("approved, and %s(%s) at %s: %s", v.Phase, v.Reason, v.Weight, v.Message)
	}
	s = s.killed(j)
	s.run(300)
	if v = s.ctl.View(); v.Phase != rollout.Baking {
		t.Fatalf("%s(%s) at %s in step %d: %v", v.Phase, v.Reason, v.Weight, v.Step.Index, v.Gates)
	}
	carried := false
	for _, g := range v.Gates {
		carried = carried || g.Name == "agreement" && g.Carried && g.Verdict == judge.Pass
	}
	if !carried {
		t.Errorf("the shadow's verdict was not carried: %+v", v.Gates)
	}
	data := recording(t, "m", j)
	if r := replayed(t, data, nil); !r.Identical {
		t.Errorf("not identical: %s\n%s", pretty(r), story(data))
	}
	var kinds []string
	for line := range strings.Lines(story(data)) {
		kinds = append(kinds, line)
	}
	if text := strings.Join(kinds, ""); !strings.Contains(text, "window_missed") || !strings.Contains(text, "window_shown") || !strings.Contains(text, "approved") {
		t.Errorf("the journal does not say it:\n%s", text)
	}
}
