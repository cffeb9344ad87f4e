package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/headgate/headgate/canary"
)

// atBake is a bench whose journal holds the end of a bake.
func atBake(t *testing.T) *bench {
	l := &ledger{}
	b := &bench{ledger: l, road: &road{ledger: l, health: twoColours()}}
	s := baked()
	s.Policy.Plan[3].Bake.Hold = 0
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(t.Context(), "", 0, data); err != nil {
		t.Fatal(err)
	}
	return b
}

// toSwap brings it to the swap by hand, as a bake of tests has no evidence.
func (b *bench) toSwap(t *testing.T) error {
	t.Helper()
	b.await(t, "the bake after the restart", func(v View) bool { return v.Phase == Baking && v.Weight == canary.Full })
	_, err := b.ctl.Do(t.Context(), Command{Kind: Advance, By: "ann"})
	return err
}

func (b *bench) callsFrom(t *testing.T, what string) []string {
	t.Helper()
	b.ledger.mu.Lock()
	defer b.ledger.mu.Unlock()
	i := len(b.ledger.calls) - 1
	for ; i >= 0 && b.ledger.calls[i] != what; i-- {
	}
	if i < 1 {
		t.Fatalf("no %s in %v", what, b.ledger.calls)
	}
	return b.ledger.calls[i-1 : min(len(b.ledger.calls), i+3)]
}

func TestASwapIsWrittenFirstAndTakenBackFirst(t *testing.T) {
	b := atBake(t)
	b.boot(t)
	if err := b.toSwap(t); err != nil {
		t.Fatal(err)
	}
	if calls := b.callsFrom(t, "serving 2"); calls[0] != "assign 0%" { // roles and weight in one assignment
		t.Errorf("swapped by %v", calls)
	}
	i := 0
	b.ledger.mu.Lock()
	for b.ledger.calls[i] != "serving 2" {
		i++
	}
	before := b.ledger.calls[i-2]
	b.ledger.mu.Unlock()
	if before != "commit" {
		t.Errorf("before the swap of the traffic: %s, want commit", before)
	}
	v := b.await(t, "the view", func(v View) bool { return v.Phase == Promoted && v.Colours != nil && v.Colours.Exchanged })
	if v.Serving[0].URL != "green" || v.Serving[1].URL != "blue" || v.Colours.Serving[0] != "green" {
		t.Errorf("serving %+v, colours %+v", v.Serving, v.Colours)
	}
	b.await(t, "the registry's word", func(v View) bool { return !v.Registry.Pending })
	b.do(t, Command{Kind: Rollback, Reason: "complaints"})
	calls := b.callsFrom(t, "serving 1")
	if len(calls) < 3 || calls[0] != "assign 0%" || calls[2] != "commit" {
		t.Errorf("taken back by %v, want the traffic before the journal", calls)
	}
	if v := b.ctl.View(); v.Rollback == nil || v.Rollback.TrafficAt == nil {
		t.Errorf("rollback %+v", v.Rollback)
	}
}

func TestASwapThatCannotBeWrittenDoesNotHappen(t *testing.T) {
	b := atBake(t)
	b.boot(t)
	b.await(t, "the bake after the restart", func(v View) bool { return v.Phase == Baking && v.Weight == canary.Full })
	b.ledger.breakWith(errors.New("no space left on device"))
	if err := b.toSwap(t); err == nil {
		t.Error("swapped without a journal")
	}
	if a := b.road.now(); a.Split.Weight() != canary.Full || a.Colours != nil {
		t.Errorf("weight %s, colours %+v after a swap that could not be written", a.Split.Weight(), a.Colours)
	}
	b.ledger.breakWith(nil)
	b.await(t, "judging goes on", func(v View) bool { return v.Verdict != "" })
	b.serves(at1("green", arm("3")))
	b.await(t, "another version", func(v View) bool { return v.Phase == Paused && v.Weight == 0 })
	b.serves(at1("green", arm("2")))
	b.await(t, "the bake again", func(v View) bool { return v.Phase == Baking && v.Weight == canary.Full })
	if a := b.road.now(); a.Split.Weight() != canary.Full || a.Recorder == nil {
		t.Errorf("users are at %s, recorder %v", a.Split.Weight(), a.Recorder)
	}
	b.ledger.mu.Lock()
	b.ledger.lostAnswers = 1 // made, and answered with an error
	b.ledger.mu.Unlock()
	if err := b.toSwap(t); err == nil {
		t.Error("a write without an answer passed for one")
	}
	if a := b.road.now(); a.Colours != nil {
		t.Errorf("colours %+v in doubt", a.Colours)
	}
	if err := b.toSwap(t); err != nil {
		t.Fatal(err)
	}
	b.stop()
	b.ledger.mu.Lock()
	defer b.ledger.mu.Unlock()
	swaps := 0
	for _, r := range b.ledger.records {
		if bytes.Contains([]byte(r), []byte(`"kind":"swapped"`)) {
			swaps++
		}
	}
	if swaps != 1 {
		t.Errorf("the swap is recorded %d times, want once", swaps)
	}
}

// serves changes what the idle colour serves.
func (b *bench) serves(candidate ArmHealth) {
	b.road.mu.Lock()
	defer b.road.mu.Unlock()
	b.road.health.Candidate = candidate
}

// A swap is in the journal, though its write was called failed, and is not
// carried out: another decision comes. The record says both.
func TestASwapInDoubtIsWithdrawn(t *testing.T) {
	b := atBake(t)
	b.boot(t)
	b.await(t, "the bake after the restart", func(v View) bool { return v.Phase == Baking && v.Weight == canary.Full })
	b.ledger.mu.Lock()
	b.ledger.lostAnswers = 1
	b.ledger.mu.Unlock()
	if err := b.toSwap(t); err == nil {
		t.Fatal("a write without an answer passed for one")
	}
	b.do(t, Command{Kind: Rollback, Reason: "complaints"})
	b.await(t, "the end", func(v View) bool { return v.Phase == RolledBack })
	if a := b.road.now(); a.Colours != nil || a.Split.Weight() != 0 {
		t.Errorf("users are at %s, colours %+v", a.Split.Weight(), a.Colours)
	}
	b.stop()
	swapped, withdrawn, rolling := b.journal("swapped"), b.journal("withdrawn"), b.journal("rolling_back")
	if swapped != 1 || withdrawn != 1 || rolling != 1 {
		t.Errorf("recorded: swapped %d, withdrawn %d, rolling_back %d times, want once each", swapped, withdrawn, rolling)
	}
	if !bytes.Contains(b.ledger.state, []byte(`"phase":"rolled_back"`)) {
		t.Errorf("state %s", b.ledger.state)
	}
}

// TestARestartAroundTheSwap: what the journal holds says who serves. Before the
// swap a live rollout comes back at nothing, behind it with everyone where they are.
func TestARestartAroundTheSwap(t *testing.T) {
	b := atBake(t)
	b.road.health.Candidate = at1("green", down())
	b.boot(t)
	if a := b.road.now(); a.Colours != nil || a.Split.Weight() != 0 || b.road.Health("m").Baseline.Version != "1" {
		t.Errorf("before the swap: weight %s, colours %+v", a.Split.Weight(), a.Colours)
	}
	b.road.mu.Lock()
	b.road.health = twoColours()
	b.road.mu.Unlock()
	if err := b.toSwap(t); err != nil {
		t.Fatal(err)
	}
	for _, stage := range []string{"promoted", "rolled back"} {
		b.stop()
		b.road.mu.Lock()
		b.road.health = twoColours() // a new process reads the policy, which never swapped
		b.road.mu.Unlock()
		b.boot(t)
		want := map[string]string{"promoted": "2", "rolled back": "1"}[stage]
		if h := b.road.Health("m"); h.Baseline.Version != want || b.road.now().Split.Weight() != 0 {
			t.Errorf("%s: users are on version %s at %s, want %s", stage, h.Baseline.Version, b.road.now().Split.Weight(), want)
		}
		if stage == "promoted" {
			b.await(t, "the registry's word", func(v View) bool { return !v.Registry.Pending })
			b.do(t, Command{Kind: Rollback, Reason: "complaints"})
			b.await(t, "the end", func(v View) bool { return v.Phase == RolledBack })
		}
	}
}
