package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

const (
	hookOutput = 2048        // bytes of a command's last words that an error keeps
	hookLeave  = time.Second // for what a killed command has left behind to let go of its output
)

// hookEnvironment tells a command what to do, beside this process's own environment.
func hookEnvironment(model, version string, upstreams []string) []string {
	return append(os.Environ(), "HEADGATE_MODEL="+model, "HEADGATE_VERSION="+version, "HEADGATE_UPSTREAMS="+strings.Join(upstreams, " "))
}

// runHook runs the command to its end; at the time-out it is killed with every
// process of its group. The error holds the end of what it printed. A command that
// exits with 0 has succeeded: what it leaves running in the background is its own,
// and is no longer listened to.
func runHook(ctx context.Context, a rollout.AfterPromote, env []string) error {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	said := &lastWords{}
	cmd := exec.CommandContext(ctx, a.Command[0], a.Command[1:]...) //nolint:gosec // the policy's own command
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = env, said, said, hookLeave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	switch {
	case cmd.ProcessState.ExitCode() == 0:
		return nil // whatever else: its output still held, or the end of ctx in the same instant
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s was killed after %s%s", a.Command[0], a.Timeout, said.quote())
	case err != nil:
		return fmt.Errorf("%s: %w%s", a.Command[0], err, said.quote())
	}
	return nil
}

// lastWords keeps the end of what is written.
type lastWords struct {
	kept []byte
	cut  bool
}

// Write never fails: a command is not to be stopped by what it says.
func (l *lastWords) Write(p []byte) (int, error) {
	l.kept = append(l.kept, p[max(0, len(p)-hookOutput):]...)
	if over := len(l.kept) - hookOutput; over > 0 {
		l.kept, l.cut = append(l.kept[:0], l.kept[over:]...), true
	}
	return len(p), nil
}

// quote is what was said, for the end of an error; "" when nothing was.
func (l *lastWords) quote() string {
	text := strings.ToValidUTF8(strings.TrimSpace(string(l.kept)), "?")
	switch {
	case text == "":
		return ""
	case l.cut:
		text = "…" + text
	}
	return "; it said: " + text
}
