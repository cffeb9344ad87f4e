package rollout

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
)

// TestSafetyRulesHoldInEveryHistory drives rollouts through random histories
// and checks what must hold whatever happens.
func TestSafetyRulesHoldInEveryHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := State{Format: Format, Model: "m", Phase: None}
		switch i := rapid.IntRange(-2, 3).Draw(t, "from"); i { // the later steps are seldom reached by chance
		case 3:
			s = baked()
			s.Held = time.Duration(rapid.IntRange(0, 20).Draw(t, "held")) * time.Second
		case 2:
			s = at(i)
			s.Approvals = []Approval{approval("y", 0)}
		case 0, 1:
			s = at(i)
		}
		for range rapid.IntRange(5, 80).Draw(t, "events") {
			e := drawEvent(t, s)
			next, effects, err := Decide(s, e, noon)
			if err != nil {
				if !same(t, s, next) {
					t.Fatalf("a refused %T changed the state", e)
				}
				continue
			}
			checkWeight(t, s, next, e)
			checkAdvance(t, s, next, e)
			checkTakenBack(t, s, next, e, effects)
			checkAlerts(t, s, next, e)
			checkCopies(t, next, e)
			checkApproved(t, s, next)
			checkColours(t, s, next, e)
			s = next
		}
	})
}

// checkWeight: users reach a candidate only in the phases that serve them, and
// nothing but a start, an advance, a promotion or the end of a pause sends more.
func checkWeight(t *rapid.T, s, next State, e Event) {
	switch next.Phase {
	case None, Pending, Promoted, RolledBack:
		if next.Weight != 0 {
			t.Fatalf("weight %s in %s", next.Weight, next.Phase)
		}
	case RollingBack:
		if next.Weight > s.Weight || (next.Weight > 0 && !next.Order.awaitsTraffic()) {
			t.Fatalf("weight %s while rolling back", next.Weight)
		}
	case Shadowing, Progressing, Paused, Promoting, Baking:
	}
	if _, ok := e.(Restarted); ok && next.Weight != 0 {
		t.Fatalf("weight %s right after a restart", next.Weight)
	}
	if tick, ok := e.(Tick); ok && tick.Judgement.Failed != nil && next.Weight > s.Weight {
		t.Fatal("more weight with a failing gate")
	}
}

// checkAdvance: only pass advances, or a person.
func checkAdvance(t *rapid.T, s, next State, e Event) {
	tick, ok := e.(Tick)
	if !ok || next.ID != s.ID || next.Step <= s.Step {
		return
	}
	if a := s.step().Approve; a != nil {
		if found, missing := s.approved(*a, noon); found == nil {
			t.Fatalf("advanced from step %d to %d in %s: %s", s.Step, next.Step, s.Phase, missing)
		}
		return
	}
	if tick.Judgement.Verdict != judge.Pass || s.Phase != Progressing && s.Phase != Shadowing {
		t.Fatalf("advanced from step %d to %d in %s on %q", s.Step, next.Step, s.Phase, tick.Judgement.Verdict)
	}
	if s.Held+tick.Elapsed < s.step().Hold() {
		t.Fatalf("advanced after %s of %s", s.Held, s.step().Hold())
	}
}

// checkCopies: the candidate is copied to in a step that says so, and not after a
// restart or on the way back.
func checkCopies(t *rapid.T, next State, e Event) {
	if next.Mirror == 0 {
		return
	}
	if !next.Policy.shadowAt(next.Step) || next.Weight > 0 {
		t.Fatalf("copies in step %d (%s) at weight %s", next.Step, next.step().Kind(), next.Weight)
	}
	if next.Phase != Shadowing && (next.Phase != Paused || next.suspendedByItself()) {
		t.Fatalf("copies in %s(%s)", next.Phase, next.Reason)
	}
	if _, ok := e.(Restarted); ok {
		t.Fatal("copies right after a restart")
	}
}

func (s State) suspendedByItself() bool {
	d := decision{State: s}
	return d.suspended()
}

// checkApproved: no user meets the candidate, and the registry does not promote
// it, before somebody else than who started it has approved.
func checkApproved(t *rapid.T, s, next State) {
	asks := -1
	for i, step := range next.Policy.Plan {
		if step.Approve != nil {
			asks = i
		}
	}
	switch next.Phase {
	case RollingBack, RolledBack, Promoted:
		return // decided before; an approval ends with its version
	case None, Pending, Shadowing, Progressing, Paused, Promoting, Baking:
	}
	if asks < 0 || next.ID != s.ID || next.Step <= asks && next.Weight == 0 && next.Phase != Promoting {
		return
	}
	if found, missing := next.approved(*next.Policy.Plan[asks].Approve, noon); found == nil || found.By == next.StartedBy {
		t.Fatalf("in step %d of %s at %s: %s", next.Step, next.Phase, next.Weight, missing)
	}
}

// checkTakenBack: nobody is sent to a baseline that is not safe, unless forced.
func checkTakenBack(t *rapid.T, s, next State, e Event, effects []Effect) {
	if s.Phase == RollingBack || next.Phase != RollingBack || s.Weight == 0 {
		return
	}
	var h Health
	switch e := e.(type) {
	case Tick:
		h = e.Health
	case Commanded:
		h = e.Health
	case Alerted:
		h = e.Health
	default:
		t.Fatalf("%T took the candidate back", e)
	}
	safe, why := h.Baseline.safe(s.Baseline)
	if !safe && !next.Order.Forced && !next.Order.RegistryFirst {
		t.Fatalf("taken back although the baseline %s", why)
	}
	if !does[ExecuteRollback](effects) {
		t.Fatal("a rollback without an order to carry it out")
	}
}

// onGreen is the share of the users that a table of this state sends to green:
// the upstreams that the policy names candidate.
func onGreen(s State) weight {
	if s.Colours != nil && s.Colours.Serving[0] == "green" {
		return fullWeight - s.Weight
	}
	return s.Weight
}

// checkColours: the roles change at the end of a bake, with a person's rollback
// out of promoted, and never else; and no swap sends a user from the version that
// they were promoted to back to the old one.
func checkColours(t *rapid.T, s, next State, e Event) {
	if s.Colours.same(next.Colours) {
		if _, started := e.(Commanded); s.Phase == Promoted && !started && onGreen(s) != onGreen(next) {
			t.Fatalf("a %T moved users of a promoted version", e)
		}
		return
	}
	promoted := s.Phase == Baking && next.Phase == Promoted && s.Policy.swaps()
	takenBack := s.Phase == Promoted && next.Phase == RollingBack
	if !promoted && !takenBack || next.Weight != 0 {
		t.Fatalf("the roles changed from %s to %s at %s on a %T", s.Phase, next.Phase, next.Weight, e)
	}
	was, is := "blue", next.Colours.Serving[0]
	if s.Colours != nil {
		was = s.Colours.Serving[0]
	}
	if was == is || next.Colours.Idle[0] != was {
		t.Fatalf("the roles changed from %s to %+v", was, next.Colours)
	}
	on := func(s State) weight { // the version that is promoted or taken back
		if is == "green" {
			return onGreen(s)
		}
		return fullWeight - onGreen(s)
	}
	if promoted && (on(s) != s.Policy.WeightOf(Step{}) || on(next) != fullWeight) {
		t.Fatalf("the swap found %s of the users on %s and left %s there", on(s), is, on(next))
	}
	var h Health
	switch e := e.(type) {
	case Tick:
		h = e.Health
	case Commanded:
		h = e.Health
		if e.Force {
			return
		}
	}
	if version := map[bool]string{true: s.Candidate, false: s.Baseline}[promoted]; !serves(h.Candidate, version) {
		t.Fatalf("the roles changed although the candidate's upstreams serve %+v, not %s", h.Candidate, version)
	}
}

func serves(a ArmHealth, version string) bool { ok, _ := a.safe(version); return ok }

func drawEvent(t *rapid.T, s State) Event {
	h := Health{Baseline: drawArm(t, "baseline"), Candidate: drawArm(t, "candidate")}
	h.Baseline, h.Candidate = at1("blue", h.Baseline), at1("green", h.Candidate)
	if s.Colours != nil && s.Colours.Serving[0] == "green" {
		h.Baseline, h.Candidate = at1("green", h.Baseline), at1("blue", h.Candidate)
	}
	if s.Phase == Promoted { // what was promoted is the baseline's now
		h.Baseline.Version, h.Candidate.Version = h.Candidate.Version, h.Baseline.Version
	}
	switch rapid.IntRange(0, 13).Draw(t, "event") {
	case 12:
		by := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "by")
		return Approving{Approval: Approval{Version: rapid.SampledFrom([]string{"2", "2", "3"}).Draw(t, "version"), For: ForProduction, Role: "lead", By: by, Comment: "seen"}, Policy: stepsPolicy()}
	case 13:
		return IdleChecked{Step: 2, Error: rapid.SampledFrom([]string{"", "status 500"}).Draw(t, "check")}
	case 10, 11:
		return drawAlerts(t, h)
	case 0:
		return Began{Binding: Binding{RunID: "r"}}
	case 1:
		return PromotionEnded{Outcome: Outcome{Result: rapid.SampledFrom([]string{ResultDone, ResultConflict}).Draw(t, "result")}}
	case 2:
		return Restarted{EvidenceLost: rapid.SampledFrom([]string{"", "", "cut"}).Draw(t, "lost")}
	case 3:
		at := noon
		return Progress{Outcome: &Outcome{Result: ResultDone}, RegistryAt: &at, Restored: rapid.Bool().Draw(t, "restored"), Finished: rapid.Bool().Draw(t, "finished")}
	case 4, 5:
		return drawCommand(t, s, h)
	default:
		tick := tickWith(rapid.SampledFrom([]judge.Verdict{judge.Pass, judge.Pass, judge.Inconclusive, judge.Fail}).Draw(t, "verdict"), h)
		tick.Elapsed = time.Duration(rapid.IntRange(0, 30).Draw(t, "elapsed")) * time.Second
		return tick
	}
}

func drawCommand(t *rapid.T, s State, h Health) Event {
	kind := rapid.SampledFrom([]Kind{Start, Start, Pause, Resume, Advance, Promote, Rollback}).Draw(t, "command")
	c := Commanded{Command: Command{Kind: kind, By: "x", Force: rapid.Bool().Draw(t, "force")}, Health: h}
	if kind == Start {
		c.Version = "2"
		c.New = &NewRollout{ID: s.ID + "x", Baseline: "1", Policy: alertPolicy()}
		if rapid.Bool().Draw(t, "steps") {
			c.New.Policy = stepsPolicy()
		}
		if rapid.Bool().Draw(t, "swap") {
			c.New.Policy.AfterPromote = &AfterPromote{Swap: true}
		}
	}
	return c
}

func drawArm(t *rapid.T, name string) ArmHealth {
	own := map[string]string{"baseline": "1", "candidate": "2"}[name]
	switch rapid.IntRange(0, 7).Draw(t, name) {
	case 0:
		return down()
	case 1:
		return arm("2")
	case 2:
		a := arm(own)
		a.BreakerOpen, a.BreakerFor = true, BreakerPatience
		return a
	default:
		return arm(own)
	}
}

func same(t *rapid.T, a, b State) bool {
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// TestStateSurvivesTheJournal: what is written is what is read.
func TestStateSurvivesTheJournal(t *testing.T) {
	s := pausedAt(ReasonVersionChanged, 0, ResumePoint{Phase: Baking, Weight: canary.Full, Reason: ReasonOperator})
	s.Order = &Order{ID: "r", Cause: CauseGate, DecidedAt: noon, Gate: &judge.GateVerdict{Name: "errors"}}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back State
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != string(again) {
		t.Errorf("written %s\nread    %s", data, again)
	}
}
