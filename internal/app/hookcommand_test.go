package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

func command(timeout time.Duration, words ...string) rollout.AfterPromote {
	return rollout.AfterPromote{Command: words, Timeout: timeout}
}

func TestACommandIsToldWhatToDo(t *testing.T) {
	out := filepath.Join(t.TempDir(), "said")
	a := command(30*time.Second, "/bin/sh", "-c", `echo "$HEADGATE_MODEL $HEADGATE_VERSION $HEADGATE_UPSTREAMS $1" > "$0"`, out, "two words; $HOME")
	if err := runHook(t.Context(), a, hookEnvironment("m", "7", []string{"http://a:1", "http://b:2"})); err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(out)
	if want := "m 7 http://a:1 http://b:2 two words; $HOME\n"; err != nil || string(said) != want {
		t.Errorf("told %q (%v), want %q", said, err, want)
	}
}

func TestACommandThatFailsIsQuoted(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"exit code and words", "echo out; echo no such model >&2; exit 7", []string{"/bin/sh: exit status 7", "no such model"}},
		{"only the end of much", "yes x | head -c 100000; echo at the end; exit 1", []string{"; it said: …", "at the end"}},
		{"nothing said", "exit 1", []string{"exit status 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := runHook(t.Context(), command(30*time.Second, "/bin/sh", "-c", c.script), os.Environ())
			if err == nil {
				t.Fatal("a failed command is no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
			if len(err.Error()) > hookOutput+200 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
	err := runHook(t.Context(), command(time.Second, "/no/such/program"), nil)
	if err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("a program that is not there: %v", err)
	}
}

// TestACommandMayLeaveSomethingRunning: it exits with 0, and what it has started
// holds its output.
func TestACommandMayLeaveSomethingRunning(t *testing.T) {
	left := filepath.Join(t.TempDir(), "left")
	err := runHook(t.Context(), command(time.Hour, "/bin/sh", "-c", `sleep 600 & echo $$ > "$0"; exit 0`, left), os.Environ())
	if err != nil {
		t.Errorf("a command that exited with 0 has failed: %v", err)
	}
	said, err := os.ReadFile(left)
	if err != nil {
		t.Fatal(err)
	}
	group, err := strconv.Atoi(strings.TrimSpace(string(said)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-group, syscall.SIGKILL); err != nil {
		t.Errorf("what it left does not run any more: %v", err)
	}
}

// TestACommandIsKilledWithAllItStarted: what it has left in the background lets
// go of the pipe that the test reads to its end.
func TestACommandIsKilledWithAllItStarted(t *testing.T) {
	for _, c := range []struct {
		name    string
		timeout time.Duration
		off     bool // the work is called off once all of it runs
		want    string
	}{
		{"at the time-out", 5 * time.Second, false, "was killed after 5s; it said: waiting"},
		{"when the work is called off", time.Hour, true, "killed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pipe := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				f, err := os.Open(pipe) // returns when the command has opened it too
				if c.off {
					cancel()
				}
				if err == nil {
					_, err = io.Copy(io.Discard, f)
					_ = f.Close()
				}
				ended <- err
			}()
			err := runHook(ctx, command(c.timeout, "/bin/sh", "-c", `echo waiting; sleep 600 > "$0" & wait`, pipe), os.Environ())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("what the command had started goes on")
			}
		})
	}
}

// TestReloadCommand is the command of TestACommandReloadsTheBaseline: it asks
// every upstream that it is told of to load.
func TestReloadCommand(t *testing.T) {
	if os.Getenv("HEADGATE_VERSION") == "" {
		return // not run as a command
	}
	for _, u := range strings.Fields(os.Getenv("HEADGATE_UPSTREAMS")) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u+"/reload?version="+os.Getenv("HEADGATE_VERSION"), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
}

func TestACommandReloadsTheBaseline(t *testing.T) {
	r := newRig(t, "1s", "1s")
	r.after = fmt.Sprintf("{command: [%q, %q, %q], timeout: 30s}", os.Args[0], "-test.run=^TestReloadCommand$", "-test.count=1")
	r.write("1s", "1s")
	r.boot()
	r.ready()
	stop := r.traffic()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	r.await("promoted", phase(rollout.Promoted))
	if got := r.baseline.version.Load(); got != "2" {
		t.Errorf("the baseline serves %v after the promotion, want 2", got)
	}
	r.do(rollout.Command{Kind: rollout.Rollback, Reason: "people complain", By: "ann"})
	r.await("rolled back out of promoted", phase(rollout.RolledBack))
	if got := r.baseline.version.Load(); got != "1" {
		t.Errorf("the baseline serves %v after the rollback, want 1", got)
	}
	if failed := stop(); failed > 0 {
		t.Errorf("%d requests failed on the baseline", failed)
	}
}
