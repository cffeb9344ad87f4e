package rollout

import "testing"

func TestARestartDoesNotForgetThatTheVersionHadChanged(t *testing.T) {
	s := pausedAt(ReasonVersionChanged, 0, ResumePoint{Phase: Progressing, Weight: 1000})
	s, _ = decide(t, s, Restarted{})
	if s.Phase != Paused || s.Reason != ReasonVersionChanged || s.Weight != 0 {
		t.Fatalf("after the restart %s(%s) at %s", s.Phase, s.Reason, s.Weight)
	}
	s, effects := decide(t, s, Tick{Health: healthy()})
	if s.Phase != Progressing || s.Weight != 1000 || !does[BeginStep](effects) {
		t.Errorf("resumed as %s at %s with %v: what was measured before is carried over", s.Phase, s.Weight, effects)
	}
	lost, _ := decide(t, pausedAt(ReasonVersionChanged, 0, ResumePoint{Phase: Progressing, Weight: 1000}), Restarted{EvidenceLost: "cut"})
	if lost.Reason != ReasonEvidenceLost {
		t.Errorf("lost evidence is %s", lost.Reason)
	}
}
