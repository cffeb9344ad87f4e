package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestNothingAcknowledgedIsLostByKill(t *testing.T) {
	const rounds = 8
	dir := t.TempDir() // one store through all kills
	random := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		c := startChild(t, roleWrite, dir)
		last := c.killAfter(t, 20*time.Millisecond+time.Duration(random.IntN(250))*time.Millisecond)
		j := open(t, dir)
		checkAck(t, j, last)
		closeJournal(t, j)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

// checkAck makes sure that everything up to the acknowledgement is there, and
// at most the one commit and the one piece of evidence after it.
func checkAck(t *testing.T, j *Journal, last ack) {
	t.Helper()
	r, err := j.Verify(t.Context())
	if err != nil || !r.Intact() {
		t.Fatalf("verify: %+v, %v", r, err)
	}
	if r.Count < last.count || r.Count > last.count+3 {
		t.Errorf("%d records, %d acknowledged", r.Count, last.count)
	}
	for _, e := range entries(t, j, 0) {
		if want := fmt.Sprintf(`{"n":%d}`, e.Seq); string(e.Body) != want {
			t.Errorf("record %d is %s", e.Seq, e.Body)
		}
		if e.Seq == last.count && e.Hash != last.hash {
			t.Errorf("record %d has hash %s, acknowledged %s", e.Seq, e.Hash, last.hash)
		}
	}
	state, rev, err := j.Load(t.Context(), last.key)
	if err != nil || (rev == last.rev && digest(state) != last.state) || rev < last.rev || rev > last.rev+1 {
		t.Errorf("state %q at %d (acknowledged %d), %v", state, rev, last.rev, err)
	}
	got, err := readEvidence(t, j, "e")
	if n := uint64(len(got)); err != nil || n < last.evidence || n > last.evidence+1 {
		t.Errorf("%d pieces of evidence, %d acknowledged, %v", n, last.evidence, err)
	}
}

func TestSecondProcessNamesTheFirstAndTakesOverWhenItEnds(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, roleWrite, dir)
	if line := c.next(t); line != "open" {
		t.Fatalf("child says %q", line)
	}
	var locked *LockedError
	if _, err := Open(Config{Dir: dir, LockWait: quick}, hclog.NewNullLogger()); !errors.As(err, &locked) || locked.PID != c.cmd.Process.Pid {
		t.Fatalf("open: %v", err)
	}
	if _, err := VerifyDir(dir); !errors.As(err, &locked) || locked.PID != c.cmd.Process.Pid {
		t.Fatalf("verify: %v", err)
	}
	time.AfterFunc(quick, func() { _ = c.cmd.Process.Kill() })
	go func() {
		for c.lines.Scan() { // keep the pipe from filling up
		}
	}()
	j, err := Open(Config{Dir: dir, LockWait: DefaultLockWait}, hclog.NewNullLogger())
	if err != nil {
		t.Fatalf("open after the first has ended: %v", err)
	}
	closeJournal(t, j)
}

func TestDiskFullFailsTheCommitAndPasses(t *testing.T) {
	// Several limits, so that the record stream, the engine's staging, the side
	// file and its temporary meet it at different moments.
	for _, limit := range []string{"1200", "3200", "20000", "21600", "23200"} {
		t.Run(limit, func(t *testing.T) {
			dir := t.TempDir()
			c := startChild(t, roleFull, dir, limitEnv+"="+limit)
			if line := c.next(t); line != "open" {
				t.Fatalf("child says %q", line)
			}
			line := c.next(t)
			want, ok := strings.CutPrefix(line, "done ")
			if !ok {
				t.Fatalf("child says %q", line)
			}
			if err := c.cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			j := open(t, dir)
			wantWholeButUnfinished(t, j, number(t, want))
		})
	}
}

func wantWholeButUnfinished(t *testing.T, j *Journal, count uint64) {
	t.Helper()
	r, err := j.Verify(t.Context())
	if err != nil || !r.Intact() || r.Count != count {
		t.Fatalf("verify: %+v, %v", r, err)
	}
	for _, f := range r.Findings {
		if f.Kind != Unfinished {
			t.Errorf("unexpected %v", f)
		}
	}
}

func TestInterruptedFirstStartBeginsAnew(t *testing.T) {
	dir := t.TempDir()
	closeJournal(t, open(t, dir))
	for _, name := range []string{formatFile, headFile} { // in the order they are written, last first
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		closeJournal(t, open(t, dir))
		if err := os.Remove(filepath.Join(dir, formatFile)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRecordsOfUnfinishedCommitsAreWrittenOver(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	rev := commit(t, j, "k", 0, "one", `1`, `2`)
	// A crash after n records of a commit, as the engine leaves it when it cannot
	// restore the rest: several times, and with fewer records each time.
	for i, n := range []int{3, 1, 2} {
		a := j.attempt(encodeKey("k"), []byte("never"), raw(`"a"`, `"b"`, `"c"`, fmt.Sprint(i)), time.Now())
		if _, err := j.engine.publish(t.Context(), a.messages[:n]...); err != nil {
			t.Fatal(err)
		}
		closeJournal(t, j)
		j = open(t, dir)
		wantState(t, j, "k", "one", rev)
		wantWholeButUnfinished(t, j, 2)
	}
	rev = commit(t, j, "k", rev, "two", `3`)
	closeJournal(t, j)
	j = open(t, dir)
	wantWholeButUnfinished(t, j, 3)
	rev = commit(t, j, "k", rev, "three", `4`, `5`, `6`)
	wantState(t, j, "k", "three", rev)
	closeJournal(t, j)
	r, err := VerifyDir(dir)
	if err != nil || !r.Intact() || r.Count != 6 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, f := range r.Findings {
		if f.At.IsZero() {
			t.Errorf("still there: %v", f)
		}
	}
}
