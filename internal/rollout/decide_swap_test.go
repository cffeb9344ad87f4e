package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
)

// baked is the end of a bake with everyone on green.
func baked() State {
	s := held(in(Baking, 3, canary.Full), 15*time.Second)
	s.Policy = swapPolicy()
	return s
}

// swapped is a promoted rollout: green serves version 2, blue is idle with 1.
func swapped(t *testing.T) (State, Health) {
	s, _ := decide(t, baked(), tickWith(judge.Pass, twoColours()))
	return s, twoColours().inRole(s.Colours)
}

func records(effects []Effect) (kinds []string) {
	for _, e := range effects {
		if r, ok := e.(Record); ok {
			kinds = append(kinds, r.Kind)
		}
	}
	return kinds
}

func wantColours(t *testing.T, s State, serving, idle string) {
	t.Helper()
	if s.Colours == nil || !slices.Equal(s.Colours.Serving, []string{serving}) || !slices.Equal(s.Colours.Idle, []string{idle}) {
		t.Errorf("colours %+v, want %s to serve and %s idle", s.Colours, serving, idle)
	}
}

func TestTheArmsSwapAtTheEndOfTheBake(t *testing.T) {
	s, effects := decide(t, baked(), tickWith(judge.Pass, twoColours()))
	if s.Phase != Promoted || s.Weight != 0 || s.FinishedAt == nil {
		t.Errorf("%s at %s", s.Phase, s.Weight)
	}
	wantColours(t, s, "green", "blue")
	if s.Colours.Rollout != "r1" || !s.Colours.At.Equal(noon) {
		t.Errorf("colours %+v", s.Colours)
	}
	if kinds := records(effects); !slices.Equal(kinds, []string{"baked", "swapped", "promoted"}) {
		t.Errorf("records %v", kinds)
	}
	if does[ReloadBaseline](effects) || !does[FinishInRegistry](effects) {
		t.Errorf("effects %v", effects)
	}
	by, effects := decide(t, held(baked(), 0), Commanded{Command: Command{Kind: Advance, By: "ann"}, Health: twoColours()})
	if by.Phase != Promoted || !slices.Equal(records(effects), []string{"advance", "baked", "swapped", "promoted"}) {
		t.Errorf("by hand: %s, %v", by.Phase, records(effects))
	}
}

func TestTheArmsDoNotSwapOntoWhatIsNotRight(t *testing.T) {
	broken := twoColours()
	broken.Candidate.BreakerOpen, broken.Candidate.BreakerReason = true, "3 in a row"
	gone := twoColours()
	gone.Candidate = at1("green", down())
	for name, h := range map[string]Health{"breaker": broken, "down": gone} {
		s, effects := decide(t, baked(), tickWith(judge.Pass, h))
		if s.Phase != Baking || s.Weight != canary.Full || s.Colours != nil || len(effects) > 0 || !strings.HasPrefix(s.Message, "the arms do not swap yet: the candidate ") {
			t.Errorf("%s: %s at %s, %q, %v", name, s.Phase, s.Weight, s.Message, effects)
		}
		_, _, err := Decide(baked(), Commanded{Command: Command{Kind: Advance}, Health: h}, noon)
		wantRefusal(t, err, Refused)
		if s, _ = decide(t, s, tickWith(judge.Pass, twoColours())); s.Phase != Promoted || s.Message != "" {
			t.Errorf("%s: %s %q when it is right again", name, s.Phase, s.Message)
		}
	}
	other := twoColours()
	other.Candidate = at1("green", arm("3"))
	if s, _ := decide(t, baked(), tickWith(judge.Pass, other)); s.Reason != ReasonVersionChanged || s.Colours != nil {
		t.Errorf("another version: %s(%s)", s.Phase, s.Reason)
	}
}

// TestRolesOutliveTheirRollout: whatever comes next begins with them.
func TestRolesOutliveTheirRollout(t *testing.T) {
	s, h := swapped(t)
	s.Owed = Owed{}
	n := &NewRollout{ID: "r2", Baseline: "2", Policy: testPolicy()}
	next, _ := decide(t, s, Commanded{Command: Command{Kind: Start, Version: "3"}, Health: h, New: n})
	wantColours(t, next, "green", "blue")
	refused, _ := decide(t, next, BeginRefused{Why: "no"})
	wantColours(t, refused, "green", "blue")
	orphan, _ := decide(t, refused, Commanded{Command: Command{Kind: Rollback}, Orphan: &Binding{RolloutID: "r9", Baseline: "2", Candidate: "3"}})
	wantColours(t, orphan, "green", "blue")
	next, _ = decide(t, next, Began{})
	h.Candidate = at1("blue", arm("3"))
	next, effects := decide(t, next, Commanded{Command: Command{Kind: Rollback, Reason: "enough"}, Health: h})
	wantColours(t, next, "green", "blue")
	if next.Phase != RollingBack || next.Weight != 0 || next.Order.RegistryFirst || slices.Contains(records(effects), "swapped") {
		t.Errorf("taken back before it swapped: %s at %s, %v", next.Phase, next.Weight, records(effects))
	}
}

func TestASecondSwapGivesTheRolesBack(t *testing.T) {
	s, h := swapped(t)
	s.ID, s.Phase, s.Weight, s.Baseline, s.Candidate, s.Step = "r2", Baking, canary.Full, "2", "3", 3
	s.Held = 15 * time.Second
	h.Candidate = at1("blue", arm("3"))
	s, _ = decide(t, s, tickWith(judge.Pass, h))
	wantColours(t, s, "blue", "green")
	if s.Phase != Promoted || s.Colours.Rollout != "r2" {
		t.Errorf("%s by %s", s.Phase, s.Colours.Rollout)
	}
}

func TestBackOutOfPromotedIsOneSwap(t *testing.T) {
	s, h := swapped(t)
	back, effects := decide(t, s, Commanded{Command: Command{Kind: Rollback, By: "ann", Reason: "complaints"}, Health: h})
	wantColours(t, back, "blue", "green")
	if back.Phase != RollingBack || back.Weight != 0 || back.Order.awaitsTraffic() || !slices.Equal(records(effects), []string{"swapped", "rolling_back"}) || !s.less(back) {
		t.Errorf("%s at %s, %v", back.Phase, back.Weight, records(effects))
	}
	back, _ = decide(t, back, Progress{Outcome: &Outcome{Result: ResultDone}, RegistryAt: &back.Order.DecidedAt, Finished: true})
	wantColours(t, back, "blue", "green")

	h.Candidate = at1("blue", arm("3")) // the next version is there already
	_, _, err := Decide(s, Commanded{Command: Command{Kind: Rollback}, Health: h}, noon)
	wantRefusal(t, err, Refused)
	forced, _ := decide(t, s, Commanded{Command: Command{Kind: Rollback, Force: true}, Health: h})
	wantColours(t, forced, "blue", "green")
	h.Candidate = ArmHealth{}
	_, _, err = Decide(s, Commanded{Command: Command{Kind: Rollback, Force: true}, Health: h}, noon)
	wantRefusal(t, err, Refused) // nobody is sent to an arm without upstreams
}

// TestEditedUpstreamsAreRemembered: a colour is known by its addresses, so others
// have to be written down before the next restart.
func TestEditedUpstreamsAreRemembered(t *testing.T) {
	s, h := swapped(t)
	if same, effects := decide(t, s, tickWith(judge.Pass, h)); len(effects) > 0 || same.Generation != s.Generation {
		t.Errorf("nothing was edited: %v", effects)
	}
	h.Baseline = at1("green-2", arm("2"))
	s, effects := decide(t, s, tickWith(judge.Pass, h))
	wantColours(t, s, "green-2", "blue")
	if !slices.Equal(records(effects), []string{"colours_edited"}) || s.Colours.Rollout != "r1" {
		t.Errorf("%v, %+v", records(effects), s.Colours)
	}
	trial, moved := in(Progressing, 0, 1000), h
	trial.Colours, trial.Baseline, trial.Candidate = s.Colours, "2", "3"
	moved.Baseline, moved.Candidate = at1("green-3", arm("2")), at1("blue", arm("4"))
	if off, _ := decide(t, trial, tickWith(judge.Pass, moved)); off.Weight != 0 || off.Colours.Serving[0] != "green-3" || !trial.less(off) {
		t.Errorf("an edit holds up the way off the traffic: %s, %+v", off.Weight, off.Colours)
	}
	h.Candidate = ArmHealth{} // the route has no candidate for now
	s, _ = decide(t, s, tickWith(judge.Pass, h))
	wantColours(t, s, "green-2", "blue")
	if plain, effects := decide(t, held(in(Baking, 3, canary.Full), 0), tickWith(judge.Pass, twoColours())); plain.Colours != nil || len(effects) > 0 {
		t.Errorf("a model that never swapped: %+v, %v", plain.Colours, effects)
	}
}
