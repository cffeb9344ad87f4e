package rollout

import (
	"errors"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
)

func TestDecideOnTick(t *testing.T) {
	broken := healthy()
	broken.Candidate.BreakerOpen, broken.Candidate.BreakerFor, broken.Candidate.BreakerReason = true, BreakerPatience, "3 time-outs"
	opening := broken
	opening.Candidate.BreakerFor = BreakerPatience - time.Second
	noBaseline := Health{Baseline: down(), Candidate: arm("2")}
	baselineBreaker := healthy()
	baselineBreaker.Baseline.BreakerOpen = true
	otherCandidate := Health{Baseline: arm("1"), Candidate: arm("3")}
	split := healthy()
	split.Candidate.Agree, split.Candidate.Version = false, ""
	otherBaseline := Health{Baseline: arm("9"), Candidate: arm("2")}
	reloaded := Health{Baseline: arm("2"), Candidate: arm("2")}
	reloading := in(Baking, 3, canary.Full)
	reloading.Reason = ReasonReloading
	back := in(Progressing, 0, 1000)
	back.Policy.OnInconclusive = OnInconclusiveBack
	restarted := pausedAt(ReasonRestarted, 0, ResumePoint{Phase: Progressing, Weight: 1000})
	under := pausedAt(ReasonRestarted, 0, ResumePoint{Phase: Progressing, Weight: 1000, Reason: ReasonOperator})

	repeat := tickWith(judge.Inconclusive, healthy())
	repeat.Judgement.Repeat = &judge.RepeatFailures{Gate: "errors", Reason: "users fail again"}
	uneven := tickWith(judge.Inconclusive, healthy())
	uneven.Judgement.Broken = "split"
	unevenAndFailing := tickWith(judge.Fail, healthy())
	unevenAndFailing.Judgement.Broken = "split"
	seen := in(Progressing, 1, 5000)
	seen.Broken = "split"

	cases := []struct {
		name   string
		state  State
		tick   Tick
		phase  Phase
		reason Reason
		cause  Cause
		weight canary.Weight
		step   int
	}{
		{"pass before the hold is over waits", held(in(Progressing, 0, 1000), 5*time.Second), tickWith(judge.Pass, healthy()), Progressing, "", "", 1000, 0},
		{"pass after the hold advances", held(in(Progressing, 0, 1000), 19*time.Second), tickWith(judge.Pass, healthy()), Progressing, "", "", 5000, 1},
		{"inconclusive after the hold holds", held(in(Progressing, 0, 1000), time.Hour), tickWith(judge.Inconclusive, healthy()), Progressing, "", "", 1000, 0},
		{"inconclusive after the hold rolls back where asked", held(back, time.Hour), tickWith(judge.Inconclusive, healthy()), RollingBack, "", CauseDeadline, 0, 0},
		{"no verdict is not a pass", held(in(Progressing, 0, 1000), time.Hour), Tick{Health: healthy()}, Progressing, "", "", 1000, 0},
		{"pass of the last canary step promotes, weight stays", held(in(Progressing, 1, 5000), time.Hour), tickWith(judge.Pass, healthy()), Promoting, "", "", 5000, 2},
		{"a failing gate takes back", in(Progressing, 1, 5000), tickWith(judge.Fail, healthy()), RollingBack, "", CauseGate, 0, 1},
		{"a failing gate takes back while promoting", in(Promoting, 2, 5000), tickWith(judge.Fail, healthy()), RollingBack, "", CauseGate, 0, 2},
		{"a failing gate takes back in the bake", in(Baking, 3, canary.Full), tickWith(judge.Fail, healthy()), RollingBack, "", CauseGate, 0, 3},
		{"a failing gate takes back while paused by hand", pausedAt(ReasonOperator, 1000, ResumePoint{Phase: Progressing, Weight: 1000}), tickWith(judge.Fail, healthy()), RollingBack, "", CauseGate, 0, 0},
		{"a stored verdict decides before the weight comes back", restarted, tickWith(judge.Fail, healthy()), RollingBack, "", CauseGate, 0, 0},
		{"never onto a baseline that is down", in(Progressing, 0, 1000), tickWith(judge.Fail, noBaseline), Paused, ReasonBaselineUnhealthy, "", 1000, 0},
		{"never onto a baseline whose breaker is open", in(Progressing, 0, 1000), tickWith(judge.Fail, baselineBreaker), Paused, ReasonBaselineUnhealthy, "", 1000, 0},
		{"never onto a baseline that serves something else", in(Progressing, 0, 1000), tickWith(judge.Fail, otherBaseline), Paused, ReasonBaselineUnhealthy, "", 1000, 0},
		{"onto the baseline once it is healthy again", pausedAt(ReasonBaselineUnhealthy, 1000, ResumePoint{Phase: Progressing, Weight: 1000}), tickWith(judge.Fail, healthy()), RollingBack, "", CauseGate, 0, 0},
		{"an open breaker waits", in(Progressing, 0, 1000), tickWith(judge.Pass, opening), Progressing, "", "", 1000, 0},
		{"a breaker open for long takes back", in(Progressing, 0, 1000), tickWith(judge.Inconclusive, broken), RollingBack, "", CauseBreaker, 0, 0},
		{"another candidate version suspends", in(Progressing, 0, 1000), tickWith(judge.Pass, otherCandidate), Paused, ReasonVersionChanged, "", 0, 0},
		{"upstreams that differ suspend", in(Progressing, 0, 1000), tickWith(judge.Pass, split), Paused, ReasonVersionChanged, "", 0, 0},
		{"the recorded version goes on", pausedAt(ReasonVersionChanged, 0, ResumePoint{Phase: Progressing, Weight: 1000}), tickWith(judge.Inconclusive, healthy()), Progressing, "", "", 1000, 0},
		{"another baseline version freezes the weight", in(Progressing, 0, 1000), tickWith(judge.Pass, otherBaseline), Paused, ReasonBaselineChanged, "", 1000, 0},
		{"restarted regains its weight", restarted, tickWith(judge.Inconclusive, healthy()), Progressing, "", "", 1000, 0},
		{"restarted waits for the candidate", restarted, tickWith(judge.Inconclusive, Health{Baseline: arm("1"), Candidate: down()}), Paused, ReasonRestarted, "", 0, 0},
		{"restarted waits for the baseline", restarted, tickWith(judge.Inconclusive, noBaseline), Paused, ReasonRestarted, "", 0, 0},
		{"restarted under a pause stays paused", under, tickWith(judge.Inconclusive, healthy()), Paused, ReasonOperator, "", 1000, 0},
		{"lost evidence waits for a person", pausedAt(ReasonEvidenceLost, 0, ResumePoint{Phase: Progressing, Weight: 1000}), tickWith(judge.Pass, healthy()), Paused, ReasonEvidenceLost, "", 0, 0},
		{"paused does not advance", held(pausedAt(ReasonOperator, 1000, ResumePoint{Phase: Progressing, Weight: 1000}), time.Hour), tickWith(judge.Pass, healthy()), Paused, ReasonOperator, "", 1000, 0},
		{"pass after the bake reloads the baseline", held(in(Baking, 3, canary.Full), time.Hour), tickWith(judge.Pass, healthy()), Baking, ReasonReloading, "", canary.Full, 3},
		{"reloaded: users go home", reloading, tickWith(judge.Pass, reloaded), Promoted, "", "", 0, 3},
		{"not reloaded yet: users stay", reloading, tickWith(judge.Pass, healthy()), Baking, ReasonReloading, "", canary.Full, 3},
		{"a baseline restarted in the bake is led back through the registry", in(Baking, 3, canary.Full), tickWith(judge.Fail, reloaded), RollingBack, "", CauseGate, canary.Full, 3},
		{"users fail again: off the traffic, the registry stays", in(Progressing, 1, 5000), repeat, Paused, ReasonRepeatFailures, "", 0, 1},
		{"users fail again under a pause", pausedAt(ReasonOperator, 1000, ResumePoint{Phase: Progressing, Weight: 1000}), repeat, Paused, ReasonRepeatFailures, "", 0, 0},
		{"repeat failures wait for a person", pausedAt(ReasonRepeatFailures, 0, ResumePoint{Phase: Progressing, Weight: 1000}), tickWith(judge.Pass, healthy()), Paused, ReasonRepeatFailures, "", 0, 0},
		{"a broken measurement pauses, the weight stays", in(Progressing, 1, 5000), uneven, Paused, ReasonMeasurementBroken, "", 5000, 1},
		{"a broken measurement was looked at", held(seen, time.Hour), uneven, Progressing, "", "", 5000, 1},
		{"a broken measurement does not hold a failing gate", in(Progressing, 1, 5000), unevenAndFailing, RollingBack, "", CauseGate, 0, 1},
		{"promoted is left alone", in(Promoted, 3, 0), tickWith(judge.Fail, healthy()), Promoted, "", "", 0, 3},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			next, effects := decide(t, c.state, c.tick)
			if next.Phase != c.phase || next.Reason != c.reason || next.Cause != c.cause || next.Weight != c.weight || next.Step != c.step {
				t.Errorf("got %s(%s) cause %q weight %s step %d, want %s(%s) cause %q weight %s step %d",
					next.Phase, next.Reason, next.Cause, next.Weight, next.Step, c.phase, c.reason, c.cause, c.weight, c.step)
			}
			if back := c.phase == RollingBack; back != does[ExecuteRollback](effects) {
				t.Errorf("rollback ordered: %v, want %v", !back, back)
			}
			if promoting := c.phase == Promoting && c.state.Phase != Promoting; promoting != does[PromoteInRegistry](effects) {
				t.Errorf("promotion ordered: %v, want %v", !promoting, promoting)
			}
		})
	}
}

func TestHoldCountsOnlyServedTime(t *testing.T) {
	s := in(Progressing, 0, 1000)
	next, _ := decide(t, s, tickWith(judge.Pass, Health{Baseline: arm("1"), Candidate: down()}))
	if next.Held != 0 {
		t.Errorf("held %s with the candidate down, want 0s", next.Held)
	}
	next, _ = decide(t, s, tickWith(judge.Pass, healthy()))
	if next.Held != time.Second {
		t.Errorf("held %s after a served second, want 1s", next.Held)
	}
	paused := pausedAt(ReasonOperator, 1000, ResumePoint{Phase: Progressing, Weight: 1000})
	if next, _ = decide(t, paused, tickWith(judge.Pass, healthy())); next.Held != 0 {
		t.Errorf("held %s while paused, want 0s", next.Held)
	}
}

func TestUnhealthyBaselineRaisesOneIncident(t *testing.T) {
	h := Health{Baseline: down(), Candidate: arm("2")}
	s, effects := decide(t, in(Progressing, 0, 1000), tickWith(judge.Fail, h))
	if !does[RaiseIncident](effects) {
		t.Fatal("no incident raised")
	}
	if _, effects = decide(t, s, tickWith(judge.Fail, h)); does[RaiseIncident](effects) {
		t.Error("a second incident for the same pause")
	}
}

func TestVersionChangeStartsTheStepAnew(t *testing.T) {
	s := pausedAt(ReasonVersionChanged, 0, ResumePoint{Phase: Progressing, Weight: 1000})
	s.Held = 15 * time.Second
	next, effects := decide(t, s, tickWith(judge.Inconclusive, healthy()))
	if next.Held != 0 || !does[BeginStep](effects) {
		t.Errorf("held %s, step begun anew: %v; want 0s, true", next.Held, does[BeginStep](effects))
	}
}

func TestWarmUpAfterNothing(t *testing.T) {
	s := State{Format: Format, Model: "m", ID: "r", Phase: Pending, Policy: testPolicy(), Candidate: "2", Baseline: "1", Served: time.Minute}
	warm := 30 * time.Second
	s.Policy.WarmUp = &warm
	next, _ := decide(t, s, Began{Binding: Binding{RunID: "x"}})
	if next.WarmUntil != time.Minute+warm || next.Weight != 1000 || next.Phase != Progressing {
		t.Errorf("warm until %s at weight %s in %s", next.WarmUntil, next.Weight, next.Phase)
	}
	up, _ := decide(t, held(next, time.Hour), tickWith(judge.Pass, healthy()))
	if up.Weight != 5000 || up.WarmUntil != next.WarmUntil {
		t.Errorf("more weight warmed up again: until %s at %s", up.WarmUntil, up.Weight)
	}
}

func TestPromotionEnds(t *testing.T) {
	done := PromotionEnded{Outcome: Outcome{Result: ResultDone}}
	s, _ := decide(t, in(Promoting, 2, 5000), done)
	if s.Phase != Baking || s.Weight != canary.Full || s.Step != 3 {
		t.Errorf("after the promotion: %s at %s, step %d", s.Phase, s.Weight, s.Step)
	}
	paused := pausedAt(ReasonOperator, 5000, ResumePoint{Phase: Promoting, Weight: 5000})
	if s, _ = decide(t, paused, done); s.Phase != Paused || s.Weight != 5000 || s.Resume.Phase != Baking {
		t.Errorf("paused meanwhile: %s at %s", s.Phase, s.Weight)
	}
	s, effects := decide(t, in(Promoting, 2, 5000), PromotionEnded{Outcome: Outcome{Result: ResultConflict, Found: "version 7 in Production"}})
	if s.Phase != Paused || s.Reason != ReasonRegistryConflict || !does[RaiseIncident](effects) {
		t.Errorf("after a conflict: %s(%s)", s.Phase, s.Reason)
	}
	if s, _ = decide(t, in(RollingBack, 2, 0), done); s.Phase != RollingBack || s.Weight != 0 {
		t.Errorf("a promotion that ends after the rollback began: %s at %s", s.Phase, s.Weight)
	}
}

func TestRestartComesBackAtNothing(t *testing.T) {
	for _, p := range []Phase{Progressing, Promoting, Baking} {
		s, _ := decide(t, in(p, 1, 5000), Restarted{})
		if s.Phase != Paused || s.Reason != ReasonRestarted || s.Weight != 0 || s.Resume.Phase != p || s.Resume.Weight != 5000 {
			t.Errorf("%s: %s(%s) at %s", p, s.Phase, s.Reason, s.Weight)
		}
	}
	s, effects := decide(t, in(RollingBack, 1, 5000), Restarted{})
	if s.Weight != 0 || !does[ExecuteRollback](effects) {
		t.Errorf("rolling back: weight %s, taken up: %v", s.Weight, does[ExecuteRollback](effects))
	}
	s, _ = decide(t, in(Progressing, 1, 5000), Restarted{EvidenceLost: "cut"})
	if s.Reason != ReasonEvidenceLost || s.Weight != 0 {
		t.Errorf("lost evidence: %s at %s", s.Reason, s.Weight)
	}
}

func TestRollbackByHandInEveryPhase(t *testing.T) {
	for _, p := range []Phase{Pending, Progressing, Promoting, Baking} {
		s, effects := decide(t, in(p, 1, 5000), Commanded{Command: Command{Kind: Rollback, By: "ann"}, Health: healthy()})
		if s.Phase != RollingBack || s.Weight != 0 || s.Cause != CauseOperator || !does[ExecuteRollback](effects) {
			t.Errorf("%s: %s at %s", p, s.Phase, s.Weight)
		}
	}
	s, _ := decide(t, in(Promoted, 3, 0), Commanded{Command: Command{Kind: Rollback}, Health: Health{Baseline: arm("2"), Candidate: arm("2")}})
	if s.Phase != RollingBack || !s.Order.RegistryFirst {
		t.Errorf("promoted: %s, registry first %v", s.Phase, s.Order.RegistryFirst)
	}
	for _, p := range []Phase{None, RollingBack, RolledBack} {
		_, _, err := Decide(in(p, 1, 0), Commanded{Command: Command{Kind: Rollback}, Health: healthy()}, noon)
		wantRefusal(t, err, Refused)
	}
}

func TestRollbackByHandOntoAnUnhealthyBaseline(t *testing.T) {
	h := Health{Baseline: down(), Candidate: arm("2")}
	s := in(Progressing, 0, 1000)
	_, _, err := Decide(s, Commanded{Command: Command{Kind: Rollback}, Health: h}, noon)
	wantRefusal(t, err, Refused)
	next, _ := decide(t, s, Commanded{Command: Command{Kind: Rollback, Force: true}, Health: h})
	if next.Phase != RollingBack || next.Weight != 0 || !next.Order.Forced {
		t.Errorf("forced: %s at %s", next.Phase, next.Weight)
	}
}

func TestIfMatch(t *testing.T) {
	old := uint64(4)
	for kind, refused := range map[Kind]bool{Pause: false, Rollback: false, Advance: true, Promote: true} {
		_, _, err := Decide(started(), Commanded{Command: Command{Kind: kind, IfMatch: &old}, Health: healthy()}, noon)
		if (err != nil) != refused {
			t.Errorf("%s with an old generation: %v, want refused %v", kind, err, refused)
		}
	}
}

func TestPauseAndResume(t *testing.T) {
	s, _ := decide(t, started(), Commanded{Command: Command{Kind: Pause, Reason: "lunch"}, Health: healthy()})
	if s.Phase != Paused || s.Reason != ReasonOperator || s.Weight != 1000 || s.Message != "lunch" {
		t.Fatalf("paused: %s(%s) at %s", s.Phase, s.Reason, s.Weight)
	}
	s, _ = decide(t, s, Commanded{Command: Command{Kind: Resume}, Health: healthy()})
	if s.Phase != Progressing || s.Weight != 1000 {
		t.Errorf("resumed: %s at %s", s.Phase, s.Weight)
	}
	_, _, err := Decide(s, Commanded{Command: Command{Kind: Resume}, Health: healthy()}, noon)
	wantRefusal(t, err, Refused)
}

func TestOwedToTheRegistry(t *testing.T) {
	s, _ := decide(t, in(RollingBack, 1, 0), RegistryFailed{Error: "connection refused", NextTry: noon.Add(time.Second)})
	if !s.Owed.Pending || s.Owed.LastError == "" || s.Owed.NextTry == nil {
		t.Errorf("owed: %+v", s.Owed)
	}
}

func wantRefusal(t *testing.T, err error, code Code) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Errorf("got %v, want a refusal %q", err, code)
	}
}

func TestOrphanIsEndedByHand(t *testing.T) {
	orphan := &Binding{Mode: "stages", RolloutID: "lost", Baseline: "1", Candidate: "2", RunID: "x"}
	s, effects := decide(t, State{Format: Format, Model: "m", Phase: None}, Commanded{Command: Command{Kind: Rollback, Reason: "orphan"}, Orphan: orphan})
	if s.Phase != RollingBack || s.ID != "lost" || s.Weight != 0 || s.Binding != *orphan || !does[ExecuteRollback](effects) {
		t.Errorf("%s of %q at %s", s.Phase, s.ID, s.Weight)
	}
	next, _ := decide(t, in(Progressing, 0, 1000), Commanded{Command: Command{Kind: Rollback}, Health: healthy(), Orphan: orphan})
	if next.ID != "r1" {
		t.Errorf("a live rollout was taken for orphan %q", next.ID)
	}
}

func TestReloadThatCannotBeSeen(t *testing.T) {
	blind := healthy()
	blind.Baseline.Verifiable, blind.Baseline.Version = false, ""
	s := in(Baking, 3, canary.Full)
	s.Reason, s.Unverified = ReasonReloading, true
	if s, _ = decide(t, s, tickWith(judge.Pass, blind)); s.Phase != Baking || s.Weight != canary.Full {
		t.Errorf("users went to upstreams that nobody has reloaded: %s at %s", s.Phase, s.Weight)
	}
	byHand, _ := decide(t, s, Commanded{Command: Command{Kind: Advance}, Health: blind})
	if byHand.Phase != Promoted || byHand.Weight != 0 {
		t.Errorf("a person said they are: %s at %s", byHand.Phase, byHand.Weight)
	}
	s, _ = decide(t, s, ReloadEnded{})
	if s, _ = decide(t, s, tickWith(judge.Pass, blind)); s.Phase != Promoted || s.Weight != 0 {
		t.Errorf("the hook was taken: %s at %s", s.Phase, s.Weight)
	}
	_, _, err := Decide(State{Phase: Baking, Reason: ReasonReloading, Step: 3, Policy: testPolicy()}, Commanded{Command: Command{Kind: Advance}, Health: healthy()}, noon)
	wantRefusal(t, err, Refused)
}

func TestRepeatFailuresStayOffTheTrafficUntilAPersonGoesOn(t *testing.T) {
	s := pausedAt(ReasonRepeatFailures, 0, ResumePoint{Phase: Progressing, Weight: 1000})
	next, _ := decide(t, s, Restarted{})
	if next.Phase != Paused || next.Reason != ReasonRepeatFailures || next.Weight != 0 {
		t.Errorf("after a restart %s(%s) at %s", next.Phase, next.Reason, next.Weight)
	}
	next, effects := decide(t, next, Commanded{Command: Command{Kind: Resume, By: "ann"}, Health: healthy()})
	if next.Phase != Progressing || next.Weight != 1000 || !does[BeginStep](effects) {
		t.Errorf("resumed: %s(%s) at %s, effects %v", next.Phase, next.Reason, next.Weight, effects)
	}
}

func TestHoldbackKeepsUsersOnTheBaseline(t *testing.T) {
	s := in(Progressing, 1, 5000)
	s.Policy.Holdback = 100
	s.Policy.Plan[1].Canary.Weight = canary.Full
	s = held(s, time.Hour)
	next, _ := decide(t, in2(s, 0), Commanded{Command: Command{Kind: Advance, By: "ann"}, Health: healthy()})
	if next.Weight != canary.Full-100 {
		t.Errorf("the step of 100 %% has %s", next.Weight)
	}
	promoting := in(Promoting, 2, 9900)
	promoting.Policy.Holdback = 100
	next, _ = decide(t, promoting, PromotionEnded{Outcome: Outcome{Result: ResultDone}})
	if next.Phase != Baking || next.Weight != canary.Full-100 {
		t.Errorf("the bake has %s in %s", next.Weight, next.Phase)
	}
}

func in2(s State, step int) State {
	s.Step = step
	return s
}
