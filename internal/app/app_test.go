package app

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/rollout"
)

func phase(p rollout.Phase) func(rollout.View) bool {
	return func(v rollout.View) bool { return v.Phase == p }
}

func TestBadCandidateIsTakenBack(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.candidate.failing.Store(50)
	r.boot()
	r.ready()
	stop := r.traffic()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1", By: "ann"})
	v := r.await("rolled back", phase(rollout.RolledBack))
	if failed := stop(); failed > 0 {
		t.Errorf("%d requests failed on the baseline", failed)
	}
	if v.Cause != rollout.CauseGate || v.Weight != 0 {
		t.Errorf("cause %s at %s", v.Cause, v.Weight)
	}
	in := r.incidents()
	if len(in) != 1 {
		t.Fatalf("%d incidents, want 1", len(in))
	}
	gate, ok := in[0]["gate"].(map[string]any)
	if !ok || gate["name"] != "errors" || gate["candidate"] == nil || gate["baseline"] == nil || gate["fail"] == nil {
		t.Errorf("gate of the incident: %v", in[0]["gate"])
	}
	if _, err := r.app.Command(t.Context(), "m", rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"}); err == nil {
		t.Error("a version that was rolled back started again without --again")
	}
	if b, err := r.app.book.Baseline(t.Context(), "m"); err != nil || b != "1" {
		t.Errorf("the registry's Production version is %q, %v; want the baseline that start named", b, err)
	}
	report, err := r.app.VerifyJournal(t.Context())
	if err != nil || !report.Intact || report.Count < 4 {
		t.Errorf("journal %+v, %v", report, err)
	}
}

func TestGoodCandidateGoesAllTheWayAndCanStillBeTakenBack(t *testing.T) {
	r := newRig(t, "1s", "1s")
	r.baseline.reloadTo.Store("2")
	r.boot()
	r.ready()
	stop := r.traffic()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	r.await("promoted", phase(rollout.Promoted))
	if got := r.baseline.version.Load(); got != "2" {
		t.Errorf("the baseline serves %v after the promotion, want 2", got)
	}
	if b, err := r.app.book.Baseline(t.Context(), "m"); err != nil || b != "2" {
		t.Errorf("the registry's Production version is %q, %v", b, err)
	}
	r.baseline.reloadTo.Store("1")
	r.do(rollout.Command{Kind: rollout.Rollback, Reason: "people complain", By: "ann"})
	v := r.await("rolled back out of promoted", phase(rollout.RolledBack))
	if b, err := r.app.book.Baseline(t.Context(), "m"); err != nil || b != "1" || r.baseline.version.Load() != "1" {
		t.Errorf("registry %q (%v), served %v; want 1 and 1", b, err, r.baseline.version.Load())
	}
	if v.Rollback == nil || v.Rollback.TrafficAt == nil {
		t.Errorf("rollback %+v", v.Rollback)
	}
	if failed := stop(); failed > 0 {
		t.Errorf("%d requests failed on the baseline", failed)
	}
}

func TestRestartComesBackAtNothingAndGoesOn(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.boot()
	r.ready()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	stop := r.traffic()
	time.Sleep(2 * time.Second)
	stop()
	before := r.view()
	r.stopped()
	r.candidate.version.Store("3") // cannot be verified
	r.boot()
	r.traffic()
	r.ready()
	v := r.view()
	if v.Phase != rollout.Paused || v.Weight != 0 || v.ID != before.ID {
		t.Errorf("after the restart %s(%s) at %s", v.Phase, v.Reason, v.Weight)
	}
	r.candidate.version.Store("2")
	v = r.await("weight regained", func(v rollout.View) bool { return v.Weight == 5000 })
	if v.Gates[0].N.Candidate < before.Gates[0].N.Candidate || before.Gates[0].N.Candidate == 0 {
		t.Errorf("counted before %d, after %d", before.Gates[0].N.Candidate, v.Gates[0].N.Candidate)
	}
}

func TestVersionThatChangesUnderfoot(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.boot()
	r.ready()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	r.candidate.version.Store("9")
	v := r.await("suspended", func(v rollout.View) bool { return v.Reason == rollout.ReasonVersionChanged })
	if v.Weight != 0 {
		t.Errorf("weight %s with another version behind the arm", v.Weight)
	}
	r.candidate.version.Store("2")
	r.await("going on", func(v rollout.View) bool { return v.Phase == rollout.Progressing && v.Weight == 5000 })
}

func TestDeadCandidateIsTheBreakersBusiness(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.boot()
	r.ready()
	stop := r.traffic()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	r.candidate.CloseClientConnections()
	r.candidate.Listener.Close() //nolint:errcheck // dying is the point
	v := r.await("rolled back", phase(rollout.RolledBack))
	if v.Cause != rollout.CauseBreaker && v.Cause != rollout.CauseGate {
		t.Errorf("cause %s", v.Cause)
	}
	if failed := stop(); failed > 0 {
		t.Errorf("%d requests failed on the baseline", failed)
	}
}

func TestReload(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.boot()
	r.ready()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})

	good, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.file, []byte(strings.Replace(string(good), "weight: 50%", "weight: 500%", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.app.Reload(); err == nil || !strings.Contains(err.Error(), "policy.yaml:") {
		t.Errorf("a bad file was taken or has no position: %v", err)
	}
	if err := os.WriteFile(r.file, []byte(strings.Replace(string(good), "  m:\n", "  other:\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.app.Reload(); err == nil {
		t.Error("the model of a live rollout was removed")
	}
	r.write("2m", "10s")
	if err := r.app.Reload(); err != nil {
		t.Fatal(err)
	}
	v := r.await("policy pending", func(v rollout.View) bool { return v.Policy == "pending" })
	if v.Step.HoldS != 60 {
		t.Errorf("the live rollout's hold changed to %v s", v.Step.HoldS)
	}
}

// TestRollbackOfWhatTheJournalLost: the registry here is in the journal as well, so only what the
// registry cannot know is lost: the rollout's state.
func TestRollbackOfWhatTheJournalLost(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.boot()
	r.ready()
	v := r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	r.stopped()
	r.loseState("rollout/m")
	r.boot()
	r.await("orphaned", func(v rollout.View) bool { return v.Reason == rollout.ReasonOrphaned })
	if _, err := r.app.Command(t.Context(), "m", rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"}); err == nil {
		t.Error("started over an orphaned rollout")
	}
	r.do(rollout.Command{Kind: rollout.Rollback, Reason: "orphaned rollout"})
	if back := r.await("orphan ended", phase(rollout.RolledBack)); back.ID != v.ID {
		t.Errorf("ended %q, want %q", back.ID, v.ID)
	}
	if id, err := r.app.book.Unfinished(t.Context(), "m"); err != nil || id != "" {
		t.Errorf("the registry still holds marks of %q, %v", id, err)
	}
}

func TestDecisionsGoOnWhileTrafficDrains(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.candidate.delay.Store(int64(1500 * time.Millisecond))
	r.boot()
	r.ready()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	stop := r.traffic()
	time.Sleep(500 * time.Millisecond)
	done := make(chan struct{})
	go func() { defer close(done); r.stopped() }()
	for end := time.Now().Add(5 * time.Second); r.app.Ready() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("still ready after it was told to stop")
		}
	}
	if v := r.do(rollout.Command{Kind: rollout.Rollback, Reason: "while draining"}); v.Weight != 0 {
		t.Errorf("weight %s after a rollback during the drain", v.Weight)
	}
	<-done
	if failed := stop(); failed > 0 {
		t.Errorf("%d requests failed on the baseline", failed)
	}
}

func TestChangesByHandAreRecorded(t *testing.T) {
	r := newRig(t, "1m", "10s")
	r.boot()
	if _, err := r.app.Register(t.Context(), admin.Registration{Name: "m", Source: "s3://bucket/7", By: "ann"}); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 { // writers at once
		wait.Go(func() {
			if _, err := r.app.TransitionStage(t.Context(), admin.Move{Model: "m", Version: "1", Stage: "staging", By: "ann"}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	entries, err := r.app.JournalEntries(t.Context(), 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range entries {
		var line byHand
		if err := json.Unmarshal(e.Body, &line); err != nil {
			t.Fatal(err)
		}
		if line.By == "ann" {
			seen[line.Kind+" "+line.To+" "+line.Rungs]++
		}
	}
	if seen["register  "] != 1 || seen["transition_stage Staging not asked"] != 4 {
		t.Errorf("recorded %v", seen)
	}
}
