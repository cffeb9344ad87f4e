package rollout

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
)

// kettle answers the check of an idle colour, badly at first.
type kettle struct{ bad, asked atomic.Int32 }

func (k *kettle) WarmUp(_ context.Context, _ string, c Check) (int, error) {
	k.asked.Add(1)
	if k.bad.Add(-1) >= 0 {
		return 1, errors.New("POST /predict answered 503")
	}
	return c.Requests, nil
}

func blueGreenPolicy() Config {
	c := testPolicy()
	c.Plan = []Step{{BlueGreen: &BlueGreenStep{Hold: time.Hour, Check: &Check{Path: "/predict", Requests: 3}}}, {Promote: &PromoteStep{}}}
	c.OnNewer = OnNewerSupersede
	c.SetDefaults()
	return c
}

// TestTheSwitchIsWrittenFirstAndTheWayBackIsNot: an idle colour gets everybody in
// one swap, behind a write that was made; the way back needs none.
func TestTheSwitchIsWrittenFirstAndTheWayBackIsNot(t *testing.T) {
	b := newBench(t)
	k := &kettle{}
	k.bad.Store(1)
	b.ctl.Warmer = k
	b.ctl.SetPolicy(blueGreenPolicy(), "hash2")
	b.do(t, Command{Kind: Start, Version: "2"})
	v := b.await(t, "a check that fails", func(v View) bool { return strings.Contains(v.Message, "answered 503") })
	if v.Weight != 0 || v.Phase != Progressing {
		t.Fatalf("%s at %s with an idle colour that does not answer", v.Phase, v.Weight)
	}
	b.ledger.breakWith(errors.New("disk full"))
	time.Sleep(1500 * time.Millisecond) // the second check is passed in it
	if w := b.road.now().Split.Weight(); w != 0 {
		t.Fatalf("switched to %s without a record", w)
	}
	b.ledger.breakWith(nil)
	b.await(t, "the switch", func(v View) bool { return v.Weight == canary.Full })
	b.ledger.mu.Lock()
	calls := strings.Join(b.ledger.calls, ", ")
	b.ledger.mu.Unlock()
	if !strings.Contains(calls, "commit, assign 100%") || strings.Count(calls, "assign 100%") != 1 {
		t.Errorf("not one swap behind its record: %s", calls)
	}
	b.ledger.breakWith(errors.New("disk full"))
	if _, err := b.ctl.Do(t.Context(), Command{Kind: Rollback, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	if w := b.road.now().Split.Weight(); w != 0 {
		t.Errorf("users are at %s after a rollback that cannot be written", w)
	}
	b.ledger.breakWith(nil)
	b.await(t, "rolled back", func(v View) bool { return v.Phase == RolledBack })
	if k.asked.Load() < 2 {
		t.Errorf("the idle colour was asked %d times", k.asked.Load())
	}
}

// TestARestartInTheMiddleOfASwitchLeavesOneColour serving, and comes back to the
// one that the journal names.
func TestARestartInTheMiddleOfASwitchLeavesOneColour(t *testing.T) {
	b := newBench(t)
	b.ctl.Warmer = &kettle{}
	b.ctl.SetPolicy(blueGreenPolicy(), "hash2")
	b.do(t, Command{Kind: Start, Version: "2"})
	b.await(t, "the switch", func(v View) bool { return v.Weight == canary.Full })
	b.stop()
	b.road.mu.Lock()
	b.road.health.Candidate = down()
	b.road.mu.Unlock()
	b.boot(t)
	v := b.ctl.View()
	if v.Phase != Paused || v.Reason != ReasonRestarted || b.road.now().Split.Weight() != 0 || !v.Step.Colour.Switched {
		t.Fatalf("%s(%s) at %s", v.Phase, v.Reason, v.Weight)
	}
	b.road.mu.Lock()
	b.road.health = healthy()
	b.road.mu.Unlock()
	b.await(t, "the switch once more", func(v View) bool { return v.Phase == Progressing && v.Weight == canary.Full })
}

// roomy is a registry that knows every version.
type roomy struct{ shelf }

func (roomy) Candidate(_ context.Context, _, v string) (Candidate, error) {
	return Candidate{Version: v, Stage: "Staging"}, nil
}

func TestANewerVersionEndsWhatRuns(t *testing.T) {
	b := newBench(t)
	b.ctl.Registry, b.ctl.Warmer = roomy{}, &kettle{}
	b.ctl.SetPolicy(blueGreenPolicy(), "hash2")
	first := b.do(t, Command{Kind: Start, Version: "2"})
	if _, err := b.ctl.Do(t.Context(), Command{Kind: Start, Version: "3"}); err == nil || b.ctl.View().ID != first.ID || !b.ctl.View().Phase.Live() {
		t.Fatalf("version 3 is not served, and %v; now %s of %s", err, b.ctl.View().Phase, b.ctl.View().ID)
	}
	b.road.mu.Lock()
	b.road.health.Candidate = arm("3")
	b.road.mu.Unlock()
	v := b.do(t, Command{Kind: Start, Version: "3", By: "ann"})
	if v.Candidate.Version != "3" || v.ID == first.ID || !v.Phase.Live() {
		t.Errorf("%s of version %s (%s)", v.Phase, v.Candidate.Version, v.ID)
	}
	b.ledger.mu.Lock()
	defer b.ledger.mu.Unlock()
	if text := strings.Join(b.ledger.records, "\n"); !strings.Contains(text, `"cause":"superseded"`) || strings.Index(text, `"superseded"`) > strings.LastIndex(text, `"kind":"start"`) {
		t.Errorf("the record does not say it:\n%s", text)
	}
}
