package rollout_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// childSwap says at which write a child stops for good: "before swapped" or
// "after rolling_back".
const childSwap = "HEADGATE_ROLLOUT_SWAP"

// halting is a journal that stops its process before or after the write of a record.
type halting struct {
	*journal.Journal
	before bool
	kind   string
}

func (h halting) Commit(ctx context.Context, key string, rev uint64, state []byte, records ...json.RawMessage) (uint64, error) {
	meant := false
	for _, r := range records {
		meant = meant || bytes.Contains(r, fmt.Appendf(nil, `"kind":%q`, h.kind))
	}
	if meant && h.before {
		halt()
	}
	rev, err := h.Journal.Commit(ctx, key, rev, state, records...)
	if meant && err == nil {
		halt()
	}
	return rev, err
}

func halt() {
	fmt.Println("halted")
	time.Sleep(time.Minute) // to be killed here
	os.Exit(3)
}

func swappingPolicy() rollout.Config {
	p := policyOf([]time.Duration{5 * time.Second}, judge.GateConfig{Name: "errors", Require: "error_rate <= baseline + 20%"}, judge.GateConfig{Name: "most", Require: "error_rate <= 50%"})
	p.Plan[0].Canary.Weight = 5000
	p.AfterPromote = &rollout.AfterPromote{Swap: true}
	return p
}

func TestChildSwap(t *testing.T) {
	at := os.Getenv(childSwap)
	if at == "" {
		t.Skip("the child of TestKillsAroundASwap")
	}
	when, kind, _ := strings.Cut(at, " ")
	j := openJournal(t, os.Getenv(childDir))
	s := boot(t, "m", j, halting{j, when == "before", kind}, clockOf(t, j), swappingPolicy(), quiet)
	s.order(rollout.Command{Kind: rollout.Start, Version: "2"})
	s.run(300)
	s.order(rollout.Command{Kind: rollout.Rollback, Reason: "complaints"})
	t.Fatal("nothing was halted")
}

// TestKillsAroundASwap: a process that is killed between the write of a swap and
// the swap of the traffic, or the other way round, leaves one colour with
// everyone, and the journal says which.
func TestKillsAroundASwap(t *testing.T) {
	for _, c := range []struct {
		at      string
		serving string // the version that users are on after the restart
		phase   rollout.Phase
	}{
		{"before swapped", "1", rollout.Paused}, // it never happened: back at nothing, and on from there
		{"after swapped", "2", rollout.Promoted},
		{"before rolling_back", "2", rollout.Promoted}, // the person was not told that it is done
		{"after rolling_back", "1", rollout.RollingBack},
	} {
		t.Run(c.at, func(t *testing.T) {
			dir := t.TempDir()
			killedAtSwap(t, dir, c.at)
			j := openJournal(t, dir)
			t.Cleanup(func() { _ = j.Close() })
			s := boot(t, "m", j, j, clockOf(t, j), swappingPolicy(), quiet)
			if v := s.ctl.State(); v.Phase != c.phase && (c.phase != rollout.RollingBack || v.Phase != rollout.RolledBack) {
				t.Errorf("%s(%s) after the restart, want %s", v.Phase, v.Reason, c.phase)
			}
			if s.lane.Weight() != 0 || s.lane.Arms.Baseline.Version != c.serving {
				t.Errorf("version %s serves, %s on the other; want version %s alone", s.lane.Arms.Baseline.Version, s.lane.Weight(), c.serving)
			}
			s.run(600)
			if last, want := s.ctl.State(), map[bool]rollout.Phase{true: rollout.RolledBack, false: rollout.Promoted}[c.phase == rollout.RollingBack]; last.Phase != want {
				t.Fatalf("ended %s(%s): %s", last.Phase, last.Reason, last.Message)
			}
			want := map[bool]string{true: "1", false: "2"}[c.phase == rollout.RollingBack]
			if s.lane.Weight() != 0 || s.lane.Arms.Baseline.Version != want {
				t.Errorf("in the end version %s serves, want %s", s.lane.Arms.Baseline.Version, want)
			}
			if r := replayed(t, recording(t, "m", j), nil); !r.SamePolicy || !r.Identical {
				t.Errorf("not identical: %s", pretty(r))
			}
			s.ctl.Stop()
		})
	}
}

func killedAtSwap(t *testing.T, dir, at string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildSwap$", "-test.count=1")
	cmd.Env = append(os.Environ(), childDir+"="+dir, childSwap+"="+at, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }() // SIGKILL: nothing of it is tidied away
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said += lines.Text() + "\n"; lines.Text() == "halted" {
			return
		}
	}
	t.Fatalf("the child ended: %s", said)
}
