package rollout_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/replay"
	"github.com/headgate/headgate/internal/rollout"
)

// The test binary starts itself as a child that runs a rollout and says which
// stratum is on disk, so that it can be killed there.
const (
	childDir  = "HEADGATE_ROLLOUT_CHILD"
	childStop = "HEADGATE_ROLLOUT_STOP"
	childHold = "HEADGATE_ROLLOUT_HOLD"
)

// killable is a journal that stops its process for good as soon as a stratum is
// on disk: whatever the controller wanted to do next is never done.
type killable struct {
	*journal.Journal
	stop uint64
}

func (k killable) AppendEvidence(ctx context.Context, key string, seq uint64, data []byte) error {
	err := k.Journal.AppendEvidence(ctx, key, seq, data)
	if err == nil && seq == k.stop {
		fmt.Println("kept", seq)
		time.Sleep(time.Minute) // to be killed here
		os.Exit(3)
	}
	return err
}

// killPolicy ends in a rollback by a gate: in its first step, or after that was
// passed at the end of its hold.
func killPolicy(hold string) rollout.Config {
	d, err := time.ParseDuration(hold)
	if err != nil {
		panic(err)
	}
	p := policyOf([]time.Duration{d, time.Hour}, append([]judge.GateConfig{}, someGates[0], someGates[2], someGates[4])...)
	p.Plan[0].Canary.Weight, p.Plan[1].Canary.Weight = 3000, 5000
	return p
}

func killTraffic() traffic {
	tr := quiet
	tr.lateFailure, tr.lateRate = 60, 0.075
	tr.users = 1 << 40 // no user comes twice: the keys of the last ten minutes do not outlive a process
	return tr
}

func TestChildRollout(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("the child of TestTwentyKillsChangeNoDecision")
	}
	stop, err := strconv.ParseUint(os.Getenv(childStop), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	j := openJournal(t, dir)
	s := boot(t, "m", j, killable{j, stop}, clockOf(t, j), killPolicy(os.Getenv(childHold)), killTraffic())
	if s.ctl.View().Phase == rollout.None {
		s.order(rollout.Command{Kind: rollout.Start, Version: "2"})
	}
	s.run(2000)
	s.ctl.Stop()
	fmt.Println("ended", s.ctl.View().Phase)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// clockOf goes on where the rollout's own clock stands; only differences count.
func clockOf(t *testing.T, j *journal.Journal) time.Time {
	data, _, err := j.Load(t.Context(), rollout.StateKey("m"))
	if err != nil {
		t.Fatal(err)
	}
	var s rollout.State
	if data != nil {
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
	}
	return morning.Add(s.Served)
}

// child runs the rollout in dir until a stratum is on disk, and kills it there;
// stop 0 lets it come to its end. It returns the child's last word.
func child(t *testing.T, dir, hold string, stop uint64) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildRollout$", "-test.count=1")
	cmd.Env = append(os.Environ(), childDir+"="+dir, childHold+"="+hold, childStop+"="+strconv.FormatUint(stop, 10), "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said += lines.Text() + "\n"
		if word, what, _ := strings.Cut(lines.Text(), " "); word == "kept" || word == "ended" {
			if word == "kept" {
				_ = cmd.Process.Kill() // SIGKILL: nothing of it is tidied away
			}
			return word + " " + what
		}
	}
	t.Fatalf("the child ended: %s", said)
	return ""
}

// outcome is what a rollout came to: the rollback with all evidence.
func outcome(t *testing.T, dir string) (order rollout.Order, data []byte) {
	t.Helper()
	j := openJournal(t, dir)
	defer func() { _ = j.Close() }()
	raw, _, err := j.Load(t.Context(), rollout.StateKey("m"))
	if err != nil {
		t.Fatal(err)
	}
	var s rollout.State
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	if s.Order == nil || s.Order.Gate == nil {
		t.Fatalf("no gate took it back: %s", raw)
	}
	return *s.Order, recording(t, "m", j)
}

// ended is the last decision of a recording, whose replay has to be identical.
func ended(t *testing.T, data []byte) replay.Decision {
	t.Helper()
	r := replayed(t, data, nil)
	last := r.Rows[len(r.Rows)-1].Recorded
	if !r.SamePolicy || !r.Identical || last == nil {
		t.Fatalf("not identical: %s\n%s", pretty(r), story(data))
	}
	return *last
}

// strata of a recording.
func strata(t *testing.T, data []byte) []string {
	var out []string
	for line := range strings.Lines(string(data)) {
		var in struct {
			Stratum *rollout.RecordedStratum `json:"stratum"`
		}
		if err := json.Unmarshal([]byte(line), &in); err != nil {
			t.Fatal(err)
		}
		if in.Stratum == nil {
			continue
		}
		s := in.Stratum.Stratum
		// Who was drawn before is not known after a restart: the split is not looked
		// at for the rest of the step.
		delete(s.Baseline.Measures, kpi.MeasureDrawn)
		delete(s.Candidate.Measures, kpi.MeasureDrawn)
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// killedAt runs a rollout that is killed at each of the strata.
func killedAt(t *testing.T, dir, hold string, at []uint64) {
	t.Helper()
	for i, stop := range at {
		if said := child(t, dir, hold, stop); said != fmt.Sprint("kept ", stop) {
			t.Fatalf("kill %d: %s", i, said)
		}
	}
	if said := child(t, dir, hold, 0); said != "ended rolled_back" {
		t.Fatalf("after the kills: %s", said)
	}
}

// TestTwentyKillsChangeNoDecision: the same strata, with the process killed at
// twenty of them, end in the same verdict at the same stratum on the same
// evidence, and so does the replay of either record.
func TestTwentyKillsChangeNoDecision(t *testing.T) {
	undisturbed, killed := t.TempDir(), t.TempDir()
	if said := child(t, undisturbed, "1h", 0); said != "ended rolled_back" {
		t.Fatalf("undisturbed: %s", said)
	}
	want, whole := outcome(t, undisturbed)
	end := ended(t, whole)
	if end.Strata < 65 {
		t.Fatalf("taken back at stratum %d: too early for the kills and a checkpoint", end.Strata)
	}
	var at []uint64
	for i := range uint64(20) { // the last right before the verdict is acted on
		at = append(at, 2+i*(end.Strata-2)/19)
	}
	killedAt(t, killed, "1h", at)
	got, bits := outcome(t, killed)
	if last := ended(t, bits); last.Strata != end.Strata || got.Gate.Name != want.Gate.Name {
		t.Errorf("taken back by %s at stratum %d, undisturbed by %s at %d", got.Gate.Name, last.Strata, want.Gate.Name, end.Strata)
	}
	if a, b := strata(t, whole), strata(t, bits); !slices.Equal(a, b) {
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("the strata are not the same, so nothing follows: %d\n%s\n%s", i+1, a[i], b[i])
			}
		}
		t.Fatalf("%d strata, undisturbed %d", len(b), len(a))
	}
	same := func(a, b *judge.Evidence) bool { return a == b || a != nil && b != nil && *a == *b }
	for i, g := range want.Gates {
		if other := got.Gates[i]; other.Name != g.Name || other.Verdict != g.Verdict || !same(other.Fail, g.Fail) || !same(other.Pass, g.Pass) {
			t.Errorf("gate %s: %s %.17g, undisturbed %s %.17g", g.Name, other.Verdict, other.Fail.E, g.Verdict, g.Fail.E)
		}
	}
	t.Logf("20 kills, taken back by %s at stratum %d, E %.17g", got.Gate.Name, end.Strata, got.Gate.Fail.E)
}

// TestKillsAroundAnAdvance: a kill loses up to half a minute of the hold's clock,
// so the step lasts longer and its strata are others; what was decided on them is
// what they say.
func TestKillsAroundAnAdvance(t *testing.T) {
	dir := t.TempDir()
	killedAt(t, dir, "30s", []uint64{5, 9, 41, 42, 43, 44, 47, 50, 52, 54, 56, 58, 59, 60, 61, 62, 63, 64, 65, 66})
	_, bits := outcome(t, dir)
	end := ended(t, bits)
	r := replayed(t, bits, nil)
	if first := r.Rows[0]; first.Recorded == nil || first.Recorded.What != replay.Advanced || first.Recorded.By != "pass" {
		t.Errorf("the first step was not passed: %+v", first)
	}
	t.Logf("20 kills, advanced at stratum %d, taken back at %d", r.Rows[0].Recorded.Strata, end.Strata)
}
