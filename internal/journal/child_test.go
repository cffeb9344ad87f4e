package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// The test binary starts itself as a child that writes to a journal and prints
// every acknowledgement, so that it can be killed from outside.
const (
	childEnv = "HEADGATE_JOURNAL_CHILD"
	dirEnv   = "HEADGATE_JOURNAL_DIR"
	limitEnv = "HEADGATE_JOURNAL_LIMIT"

	roleWrite = "write"
	roleFull  = "full"
)

func runChild(role string) int {
	roles := map[string]func(*Journal) error{roleWrite: childWrite, roleFull: childFull}
	j, err := Open(Config{Dir: os.Getenv(dirEnv), LockWait: quick}, hclog.NewNullLogger())
	if err == nil {
		fmt.Println("open")
		err = roles[role](j)
	}
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

// childWrite commits to two keys in turn, with 0 to 3 records, and appends
// evidence, until it is killed.
func childWrite(j *Journal) error {
	ctx := context.Background()
	seq := uint64(0)
	if err := j.Evidence(ctx, "e", func(n uint64, _ []byte) error { seq = n; return nil }); err != nil {
		return err
	}
	limit, err := strconv.Atoi(os.Getenv(limitEnv))
	if err != nil {
		limit = -1
	}
	for round := 0; ; round++ {
		if round == limit {
			_, err := os.Stdin.Read(make([]byte, 1)) // never comes: to be killed at rest
			return err
		}
		count, _ := j.Head()
		key := fmt.Sprintf("rollout/%d", count%2)
		_, rev, err := j.Load(ctx, key)
		if err != nil {
			return err
		}
		var records []json.RawMessage
		for i := range count%3 + 1 {
			records = append(records, json.RawMessage(fmt.Sprintf(`{"n":%d}`, count+i+1)))
		}
		state := fmt.Sprintf("%s after %d%s", key, count, strings.Repeat(".", int(count%700)))
		seq++
		if err := j.AppendEvidence(ctx, "e", seq, []byte(state)); err != nil {
			return err
		}
		next, err := j.Commit(ctx, key, rev, []byte(state), records...)
		if err != nil {
			return err
		}
		count, hash := j.Head()
		fmt.Println("ack", key, next, count, hash, digest([]byte(state)), seq)
	}
}

// ack is the last acknowledgement a child printed.
type ack struct {
	key            string
	rev, count     uint64
	hash, state    string
	evidence, acks uint64
}

// child is a running child process.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startChild(t *testing.T, role, dir string, env ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childEnv+"="+role, dirEnv+"="+dir, "GORACE=atexit_sleep_ms=0"), env...)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // open and silent
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, lines: bufio.NewScanner(out)}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return c
}

// next returns the child's next line.
func (c *child) next(t *testing.T) string {
	t.Helper()
	if !c.lines.Scan() {
		t.Fatalf("child ended: %v", c.lines.Err())
	}
	return c.lines.Text()
}

// killAfter lets the child acknowledge for a while, kills it with SIGKILL and
// returns its last acknowledgement.
func (c *child) killAfter(t *testing.T, d time.Duration) ack {
	t.Helper()
	if line := c.next(t); line != "open" {
		t.Fatalf("child says %q", line)
	}
	var last ack
	for c.lines.Scan() {
		if last.acks == 0 {
			time.AfterFunc(d, func() { _ = c.cmd.Process.Kill() })
		}
		f := strings.Fields(c.lines.Text())
		if len(f) != 7 || f[0] != "ack" {
			t.Fatalf("child says %q", c.lines.Text())
		}
		last = ack{key: f[1], rev: number(t, f[2]), count: number(t, f[3]), hash: f[4], state: f[5], evidence: number(t, f[6]), acks: last.acks + 1}
	}
	_ = c.cmd.Wait()
	if last.acks == 0 {
		t.Fatal("child acknowledged nothing")
	}
	return last
}

func number(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// childFull writes until the limit on file sizes (a stand-in for a full disk)
// stops it, lifts the limit, and must be able to go on.
func childFull(j *Journal) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit, err := strconv.ParseUint(os.Getenv(limitEnv), 10, 64)
	if err != nil {
		return err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	ctx, state := context.Background(), []byte(strings.Repeat("s", 3000))
	rev, err := j.Commit(ctx, "k", 0, state, json.RawMessage(`"first"`))
	if err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: was.Max}); err != nil {
		return err
	}
	failed := false
	for range 1000 {
		next, err := j.Commit(ctx, "k", rev, state, json.RawMessage(`"under the limit"`))
		if err != nil {
			failed = true
			break
		}
		rev = next
	}
	if !failed {
		return fmt.Errorf("no commit failed")
	}
	if _, err := j.Commit(ctx, "k", rev, state, json.RawMessage(`"under the limit"`)); err == nil {
		return fmt.Errorf("a commit succeeded on the full disk")
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	// The same commit again: written once, whatever became of the first try.
	before, _ := j.Head()
	if rev, err = j.Commit(ctx, "k", rev, state, json.RawMessage(`"under the limit"`)); err != nil {
		return fmt.Errorf("repeat: %w", err)
	}
	after, _ := j.Head()
	if after != before+1 {
		return fmt.Errorf("repeat: %d records, were %d", after, before)
	}
	if _, err = j.Commit(ctx, "k", rev, state, json.RawMessage(`"later"`), json.RawMessage(`"later"`)); err != nil {
		return fmt.Errorf("later: %w", err)
	}
	if err := j.AppendEvidence(ctx, "k", 1, state); err != nil {
		return err
	}
	fmt.Println("done", after+2)
	return j.Close()
}
