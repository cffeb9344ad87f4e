package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
)

// stepsPolicy is shadow → approve → blue-green → promote → bake.
func stepsPolicy() Config {
	c := testPolicy()
	c.Plan = []Step{
		{Shadow: &ShadowStep{Share: 5000, By: ByKey, Hold: 40 * time.Second, Every: 10 * time.Second}, Deadline: time.Hour, OnDeadline: OnDeadlineRollback},
		{Approve: &ApproveStep{Role: "lead"}, Deadline: time.Hour, OnDeadline: OnDeadlineNotify},
		{BlueGreen: &BlueGreenStep{Hold: 20 * time.Second, Check: &Check{Path: "/predict", Requests: 3}}, Deadline: time.Hour},
		{Promote: &PromoteStep{}},
		{Bake: &BakeStep{Hold: 15 * time.Second}},
	}
	c.OnNewer = OnNewerSupersede
	c.SetDefaults()
	return c
}

// at is a rollout at step i of the plan of many steps.
func at(i int) State {
	s := State{
		Format: Format, Model: "m", ID: "r1", Phase: Pending, Generation: 5, Baseline: "1", Candidate: "2", StartedBy: "ann",
		Policy: stepsPolicy(), Binding: Binding{Mode: "stages", Baseline: "1", Candidate: "2"},
	}
	d := decision{State: s, now: noon}
	d.Phase = Progressing
	for n := range i + 1 {
		d.goTo(n)
	}
	return d.State
}

func approval(by string, age time.Duration) Approval {
	return Approval{Version: "2", For: ForProduction, Role: "lead", By: by, Comment: "seen", At: noon.Add(-age), ExpiresAt: noon.Add(DefaultExpires - age)}
}

func noted(effects []Effect) string {
	var kinds []string
	for _, e := range effects {
		if r, ok := e.(Record); ok {
			kinds = append(kinds, r.Kind)
		}
	}
	return strings.Join(kinds, " ")
}

func TestARolloutBeginsOnCopies(t *testing.T) {
	s := at(0)
	s.Phase, s.Mirror = Pending, 0
	warm := 30 * time.Second
	s.Policy.WarmUp = &warm
	next, effects := decide(t, s, Began{Binding: Binding{RunID: "x"}})
	if next.Phase != Shadowing || next.Weight != 0 || next.Mirror != 5000 || !next.MirrorByKey || next.WarmUntil != warm || !does[BeginStep](effects) {
		t.Errorf("began as %s at %s, %s copied by key %v, warm until %s", next.Phase, next.Weight, next.Mirror, next.MirrorByKey, next.WarmUntil)
	}
	next, _ = decide(t, next, tickWith(judge.Inconclusive, healthy()))
	if next.Served != time.Second || next.Held != time.Second {
		t.Errorf("served %s, held %s: the clock of the strata runs on copies", next.Served, next.Held)
	}
}

func TestDecideOnTickInTheSteps(t *testing.T) {
	window := func(n int, held time.Duration) State {
		s := at(0)
		s.Window, s.Held = n, held
		return s
	}
	back := window(0, 9*time.Second)
	back.Policy.OnInconclusive = OnInconclusiveBack
	approved := func(a ...Approval) State {
		s := at(1)
		s.Approvals = a
		return s
	}
	waiting, _ := decide(t, at(1), tickWith(judge.Pass, healthy()))
	late := waiting
	late.Approvals = []Approval{approval("bob", 0)}
	checked := func(c Colour) State {
		s := at(2)
		s.Colour = &c
		return s
	}
	switched, _ := decide(t, checked(Colour{Checked: true}), tickWith(judge.Pass, healthy()))
	switched.Held = 19 * time.Second
	other := Health{Baseline: arm("1"), Candidate: arm("3")}
	holding := tickWith(judge.Inconclusive, healthy())
	holding.Judgement.Hold, holding.Judgement.Reason = true, "gate x failed and holds"
	frozen := func(s State) State {
		s.Policy.Freeze = []Freeze{{From: "11:00", To: "13:00", Zone: "UTC"}}
		return s
	}
	overdue := func(s State) State { s.StepBegan = noon.Add(-2 * time.Hour); return s }
	alerted := waiting
	alerted.Reason = ReasonAlert

	cases := []struct {
		name   string
		state  State
		tick   Tick
		phase  Phase
		reason Reason
		weight canary.Weight
		mirror canary.Weight
		step   int
		noted  string
	}{
		{"copies go on within a window", window(0, 3*time.Second), tickWith(judge.Pass, healthy()), Shadowing, "", 0, 5000, 0, ""},
		{"a window that is shown is followed by the next", window(0, 9*time.Second), tickWith(judge.Pass, healthy()), Shadowing, "", 0, 5000, 0, "window_shown"},
		{"a window that is not shown starts the count again", window(2, 29*time.Second), tickWith(judge.Inconclusive, healthy()), Shadowing, "", 0, 5000, 0, "window_missed"},
		{"a window that is not shown takes back where asked", back, tickWith(judge.Inconclusive, healthy()), RollingBack, "", 0, 0, 0, "rolling_back"},
		{"the last window ends the step", window(3, 39*time.Second), tickWith(judge.Pass, healthy()), Shadowing, "", 0, 5000, 1, "advanced"},
		{"a failing gate on copies takes back", window(1, 15*time.Second), tickWith(judge.Fail, healthy()), RollingBack, "", 0, 0, 0, "rolling_back"},
		{"a failing gate on copies takes back with the baseline down", window(1, 15*time.Second), tickWith(judge.Fail, Health{Baseline: down(), Candidate: arm("2")}), RollingBack, "", 0, 0, 0, "rolling_back"},
		{"another version is not copied to", window(1, 15*time.Second), tickWith(judge.Pass, other), Paused, ReasonVersionChanged, 0, 0, 0, "suspended"},
		{"no approval waits, copies go on", approved(), tickWith(judge.Pass, healthy()), Paused, ReasonApproval, 0, 5000, 1, "paused"},
		{"an approval lets it on", approved(approval("bob", time.Hour)), tickWith(judge.Pass, healthy()), Progressing, "", 0, 0, 2, "approved advanced"},
		{"an approval that came later lets it on", late, tickWith(judge.Inconclusive, healthy()), Progressing, "", 0, 0, 2, "approved advanced"},
		{"an expired approval does not count", approved(approval("bob", 73*time.Hour)), tickWith(judge.Pass, healthy()), Paused, ReasonApproval, 0, 5000, 1, "paused"},
		{"who started it does not count", approved(approval("ann", time.Hour)), tickWith(judge.Pass, healthy()), Paused, ReasonApproval, 0, 5000, 1, "paused"},
		{"an approval of another version does not count", approved(Approval{Version: "3", For: ForProduction, Role: "lead", By: "bob", Comment: "x", At: noon, ExpiresAt: noon.Add(time.Hour)}), tickWith(judge.Pass, healthy()), Paused, ReasonApproval, 0, 5000, 1, "paused"},
		{"an approval for staging does not count", approved(Approval{Version: "2", For: ForStaging, Role: "lead", By: "bob", Comment: "x", At: noon, ExpiresAt: noon.Add(time.Hour)}), tickWith(judge.Pass, healthy()), Paused, ReasonApproval, 0, 5000, 1, "paused"},
		{"a gate that holds keeps an approved version waiting", late, holding, Paused, ReasonApproval, 0, 5000, 1, ""},
		{"a failing gate takes back while the approval is waited for", waiting, tickWith(judge.Fail, healthy()), RollingBack, "", 0, 0, 1, "rolling_back"},
		{"another version while the approval is waited for", waiting, tickWith(judge.Pass, other), Paused, ReasonVersionChanged, 0, 0, 1, "suspended"},
		{"a pause for an alert outlasts the approval", func() State { s := alerted; s.Approvals = late.Approvals; return s }(), tickWith(judge.Pass, healthy()), Paused, ReasonAlert, 0, 5000, 1, ""},
		{"an idle colour that is not checked gets nobody", checked(Colour{}), tickWith(judge.Pass, healthy()), Progressing, "", 0, 0, 2, ""},
		{"a checked one gets everybody at once", checked(Colour{Checked: true}), tickWith(judge.Pass, healthy()), Progressing, "", canary.Full, 0, 2, "switched"},
		{"but not when it is down", checked(Colour{Checked: true}), tickWith(judge.Pass, Health{Baseline: arm("1"), Candidate: down()}), Progressing, "", 0, 0, 2, ""},
		{"pass after the hold promotes", switched, tickWith(judge.Pass, healthy()), Promoting, "", canary.Full, 0, 3, "advanced promoting"},
		{"a failing gate goes back at once", switched, tickWith(judge.Fail, healthy()), RollingBack, "", 0, 0, 2, "rolling_back"},
		{"frozen: the last window waits", frozen(window(3, 39*time.Second)), tickWith(judge.Pass, healthy()), Shadowing, "", 0, 5000, 0, ""},
		{"frozen: the approval waits", frozen(late), tickWith(judge.Pass, healthy()), Paused, ReasonApproval, 0, 5000, 1, ""},
		{"frozen: the switch waits", frozen(checked(Colour{Checked: true})), tickWith(judge.Pass, healthy()), Progressing, "", 0, 0, 2, ""},
		{"frozen: going back does not", frozen(switched), tickWith(judge.Fail, healthy()), RollingBack, "", 0, 0, 2, "rolling_back"},
		{"frozen: the promotion waits", frozen(switched), tickWith(judge.Pass, healthy()), Progressing, "", canary.Full, 0, 2, ""},
		{"a deadline takes back", overdue(window(0, time.Second)), tickWith(judge.Pass, healthy()), RollingBack, "", 0, 0, 0, "rolling_back"},
		{"a deadline tells", overdue(waiting), tickWith(judge.Pass, healthy()), Paused, ReasonApproval, 0, 5000, 1, "overdue"},
		{"a deadline stops", overdue(switched), tickWith(judge.Inconclusive, healthy()), Paused, ReasonDeadline, canary.Full, 0, 2, "overdue paused"},
		{"a deadline waits for who paused it", func() State { s := overdue(waiting); s.Reason = ReasonOperator; return s }(), tickWith(judge.Pass, healthy()), Paused, ReasonOperator, 0, 5000, 1, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			next, effects := decide(t, c.state, c.tick)
			if next.Phase != c.phase || next.Reason != c.reason || next.Weight != c.weight || next.Mirror != c.mirror || next.Step != c.step || noted(effects) != c.noted {
				t.Errorf("got %s(%s) weight %s mirror %s step %d noted %q, want %s(%s) weight %s mirror %s step %d noted %q (%s)",
					next.Phase, next.Reason, next.Weight, next.Mirror, next.Step, noted(effects), c.phase, c.reason, c.weight, c.mirror, c.step, c.noted, next.Message)
			}
			if c.phase == RollingBack && next.Cause != CauseGate && next.Cause != CauseDeadline {
				t.Errorf("cause %q", next.Cause)
			}
		})
	}
}

func TestWindowsCount(t *testing.T) {
	s := at(0)
	s, effects := decide(t, held(s, 9*time.Second), tickWith(judge.Pass, healthy()))
	if s.Window != 1 || !does[BeginStep](effects) || s.Held != 10*time.Second {
		t.Fatalf("window %d after %s, its evidence begun anew: %v", s.Window, s.Held, does[BeginStep](effects))
	}
	if s, effects = decide(t, s, tickWith(judge.Pass, healthy())); s.Window != 1 || does[BeginStep](effects) {
		t.Errorf("window %d a second later", s.Window)
	}
	s, effects = decide(t, held(s, 19*time.Second), tickWith(judge.Inconclusive, healthy()))
	if s.Window != 0 || s.Held != 0 || !does[BeginStep](effects) || !strings.Contains(s.Message, "window 2 of 4 ended without being shown") {
		t.Errorf("after a miss window %d, held %s: %s", s.Window, s.Held, s.Message)
	}
}

func TestApprovalsAreKeptOnceAndOutliveTheRollout(t *testing.T) {
	give := func(s State, a Approval) (State, []Effect, error) {
		return Decide(s, Approving{Approval: a, Policy: stepsPolicy()}, noon)
	}
	a := Approval{Version: "2", For: ForProduction, Role: "lead", By: "bob", Comment: " seen "}
	s, effects, err := give(State{Format: Format, Model: "m", Phase: None}, a)
	if err != nil || len(s.Approvals) != 1 || s.Approvals[0].Comment != "seen" || noted(effects) != "approval" || !s.Approvals[0].ExpiresAt.Equal(noon.Add(DefaultExpires)) {
		t.Fatalf("kept %+v (%v)", s.Approvals, err)
	}
	again, effects, err := give(s, a)
	if err != nil || len(again.Approvals) != 1 || noted(effects) != "" || again.Generation != s.Generation {
		t.Errorf("given twice: %+v (%v)", again.Approvals, err)
	}
	s, _ = decide(t, s, Commanded{Command: Command{Kind: Start, Version: "2", By: "ann"}, Health: healthy(), New: &NewRollout{ID: "r2", Baseline: "1", Policy: stepsPolicy()}})
	if len(s.Approvals) != 1 {
		t.Error("the start has lost an approval that was given before")
	}
	_, _, err = give(s, Approval{Version: "2", For: ForProduction, Role: "lead", By: "ann", Comment: "mine"})
	wantRefusal(t, err, Refused)
	_, _, err = give(s, Approval{Version: "2", For: ForProduction, Role: "lead", By: "eve"})
	wantRefusal(t, err, Invalid)
}

func TestAnApprovalEndsWithItsVersion(t *testing.T) {
	s := at(2)
	s.Approvals = []Approval{approval("bob", 0), {Version: "3", For: ForProduction, Role: "lead", By: "bob", ExpiresAt: noon.Add(time.Hour)}}
	back, _ := decide(t, s, tickWith(judge.Fail, healthy()))
	if noon.Before(back.Approvals[0].ExpiresAt) || !noon.Before(back.Approvals[1].ExpiresAt) || !noon.Before(s.Approvals[0].ExpiresAt) {
		t.Errorf("after the rollback %+v, before %+v", back.Approvals, s.Approvals)
	}
	back, _ = decide(t, s, Superseding{Command: Command{Version: "3"}, Health: healthy()})
	if !noon.Before(back.Approvals[0].ExpiresAt) {
		t.Error("superseded, and its approval is gone")
	}
}

func TestNoApprovalNoProduction(t *testing.T) {
	waiting, _ := decide(t, at(1), tickWith(judge.Pass, healthy()))
	for _, kind := range []Kind{Advance, Promote, Resume} {
		for _, s := range []State{at(1), waiting} {
			_, _, err := Decide(s, Commanded{Command: Command{Kind: kind}, Health: healthy()}, noon)
			wantRefusal(t, err, Refused)
		}
	}
	_, _, err := Decide(at(0), Commanded{Command: Command{Kind: Promote}, Health: healthy()}, noon)
	wantRefusal(t, err, Refused)
	s := at(0)
	s.Approvals = []Approval{approval("bob", 0)}
	if s, _ = decide(t, s, Commanded{Command: Command{Kind: Promote}, Health: healthy()}); s.Phase != Promoting || s.Mirror != 0 {
		t.Errorf("approved and promoted by hand: %s, %s copied", s.Phase, s.Mirror)
	}
}

func TestVersionChangedInFrontOfAPersonIsShownAnew(t *testing.T) {
	s, _ := decide(t, at(1), tickWith(judge.Pass, healthy()))
	s, _ = decide(t, s, tickWith(judge.Pass, Health{Baseline: arm("1"), Candidate: arm("3")}))
	s, effects := decide(t, s, tickWith(judge.Inconclusive, healthy()))
	if s.Phase != Shadowing || s.Step != 0 || s.Mirror != 5000 || s.Held != 0 || !does[BeginStep](effects) {
		t.Errorf("goes on as %s in step %d, %s copied", s.Phase, s.Step, s.Mirror)
	}
}

func TestRestartInTheSteps(t *testing.T) {
	switched := at(2)
	switched.Colour = &Colour{Checked: true, Switched: true}
	switched.Weight = canary.Full
	checked := at(2)
	checked.Colour = &Colour{Checked: true}
	waiting, _ := decide(t, at(1), tickWith(judge.Pass, healthy()))
	window := at(0)
	window.Window, window.Held = 2, 25*time.Second
	for name, s := range map[string]State{"shadow": window, "approve": waiting, "checked": checked, "switched": switched} {
		down, _ := decide(t, s, Restarted{})
		if down.Phase != Paused || down.Weight != 0 || down.Mirror != 0 {
			t.Errorf("%s: %s at %s, %s copied", name, down.Phase, down.Weight, down.Mirror)
		}
		up, effects := decide(t, down, tickWith(judge.Inconclusive, healthy()))
		if up.Phase != s.Phase || up.Reason != s.Reason || up.Weight != s.Weight || up.Mirror != s.Mirror || up.Window != s.Window || up.Held != s.Held || up.Step != s.Step {
			t.Errorf("%s: came back as %s(%s) at %s, %s copied, window %d", name, up.Phase, up.Reason, up.Weight, up.Mirror, up.Window)
		}
		if name == "checked" && (up.Colour.Checked || !does[CheckIdle](effects)) {
			t.Error("the idle colour was not checked once more")
		}
		if name == "switched" && does[CheckIdle](effects) {
			t.Error("a colour that serves everybody was checked as an idle one")
		}
	}
}

func TestTheIdleColourIsAskedUntilItAnswers(t *testing.T) {
	s := at(2)
	s, effects := decide(t, s, IdleChecked{Step: 2, Error: "status 500"})
	if s.Colour.Checked || noted(effects) != "idle_check_failed" || !strings.Contains(s.Message, "status 500") {
		t.Fatalf("%+v %s", s.Colour, s.Message)
	}
	if _, effects = decide(t, s, IdleChecked{Step: 2, Error: "status 500"}); noted(effects) != "" {
		t.Error("the same failure is written again")
	}
	_, _, err := Decide(s, Commanded{Command: Command{Kind: Advance}, Health: healthy()}, noon)
	wantRefusal(t, err, Refused)
	s, effects = decide(t, s, IdleChecked{Step: 2, Answered: 3})
	if !s.Colour.Checked || s.Message != "" || noted(effects) != "idle_checked" || s.Weight != 0 {
		t.Errorf("%+v %s at %s", s.Colour, s.Message, s.Weight)
	}
}

func TestGradualMove(t *testing.T) {
	s := at(2)
	s.Policy.Plan[2].BlueGreen.Gradual = &Gradual{Over: 10 * time.Second, Steps: 5}
	s.Policy.Holdback = 1000
	s.Colour = &Colour{Checked: true}
	s, _ = decide(t, s, tickWith(judge.Pass, healthy()))
	var seen []canary.Weight
	for range 11 {
		seen = append(seen, s.Weight)
		s, _ = decide(t, s, tickWith(judge.Inconclusive, healthy()))
	}
	if seen[0] != 1800 || seen[2] != 3600 || seen[7] != 7200 || seen[10] != 9000 {
		t.Errorf("moved as %v", seen)
	}
	s.Held = 25 * time.Second // the move and a part of the hold
	if next, _ := decide(t, s, tickWith(judge.Pass, healthy())); next.Step != 2 {
		t.Error("the time of the move counted as hold")
	}
}

func TestFreezeRefusesByHand(t *testing.T) {
	s := started()
	s.Policy.Freeze = []Freeze{{Days: []string{"sun"}, From: "11:00", To: "12:30", Zone: "UTC"}} // noon is on a Sunday
	for _, kind := range []Kind{Advance, Promote} {
		_, _, err := Decide(s, Commanded{Command: Command{Kind: kind}, Health: healthy()}, noon)
		wantRefusal(t, err, Refused)
		if _, _, err := Decide(s, Commanded{Command: Command{Kind: kind}, Health: healthy()}, noon.Add(31*time.Minute)); err != nil {
			t.Errorf("%s behind the freeze: %v", kind, err)
		}
	}
	_, _, err := Decide(State{Model: "m", Phase: None}, Commanded{Command: Command{Kind: Start, Version: "2"}, New: &NewRollout{Policy: s.Policy}}, noon)
	wantRefusal(t, err, Refused)
	for _, kind := range []Kind{Pause, Rollback} {
		if _, _, err := Decide(s, Commanded{Command: Command{Kind: kind}, Health: healthy()}, noon); err != nil {
			t.Errorf("%s in a freeze: %v", kind, err)
		}
	}
}

func TestFreezes(t *testing.T) {
	c := Config{Freeze: []Freeze{
		{Days: []string{"fri"}, From: "16:00", To: "23:59", Zone: "Europe/Berlin"},
		{Days: []string{"sat", "sun"}, From: "00:00", To: "23:59", Zone: "Europe/Berlin"},
		{From: "2026-12-20", To: "2027-01-03", Zone: "UTC"},
	}}
	for now, want := range map[string]string{
		"2026-06-05T13:59:59Z": "",                     // Friday in summer, 15:59 in Berlin
		"2026-06-05T14:00:00Z": "2026-06-07T22:00:00Z", // 16:00, until Monday
		"2026-06-07T21:59:59Z": "2026-06-07T22:00:00Z",
		"2026-06-07T22:00:00Z": "",
		"2026-11-20T14:30:00Z": "", // winter: 15:30
		"2026-11-20T15:00:00Z": "2026-11-22T23:00:00Z",
		"2026-12-19T23:30:00Z": "2027-01-04T00:00:00Z", // Sunday in Berlin, and the dates behind it
		"2027-01-04T00:00:00Z": "",
	} {
		t.Run(now, func(t *testing.T) {
			when, err := time.Parse(time.RFC3339, now)
			if err != nil {
				t.Fatal(err)
			}
			until, frozen := c.Frozen(when)
			if got := until.UTC().Format(time.RFC3339); frozen != (want != "") || frozen && got != want {
				t.Errorf("frozen %v until %s, want %q", frozen, got, want)
			}
		})
	}
}

func TestSuperseding(t *testing.T) {
	e := Superseding{Command: Command{Kind: Start, Version: "3", By: "ann"}, Health: healthy()}
	s, effects := decide(t, at(0), e)
	if s.Phase != RollingBack || s.Cause != CauseSuperseded || !does[ExecuteRollback](effects) {
		t.Errorf("%s by %s", s.Phase, s.Cause)
	}
	_, _, err := Decide(started(), e, noon)
	wantRefusal(t, err, Refused)
	unsafe := in(Progressing, 0, 1000)
	unsafe.Policy.OnNewer = OnNewerSupersede
	e.Health.Baseline = down()
	_, _, err = Decide(unsafe, e, noon)
	wantRefusal(t, err, Refused)
}
