package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Process is a child in a group of its own, with its output in a file.
type Process struct {
	Dead chan struct{} // closed when it has been waited for
	// DiedAt is when it was known to be gone; set before Dead is closed.
	DiedAt time.Time
	Log    string // the file
	cmd    *exec.Cmd
}

// Start runs a program; its output is appended to the file log.
func Start(log, name string, args ...string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer func() { _ = out.Close() }() // the child has its own
	p := &Process{cmd: exec.Command(name, args...), Log: log, Dead: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		p.DiedAt = time.Now()
		close(p.Dead)
	}()
	return p, nil
}

// Kill is kill -9; it returns when the process is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.Dead
}

// Stop asks the process to end and kills it when it takes longer than patience;
// false says that it did.
func (p *Process) Stop(patience time.Duration) bool {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-p.Dead:
		return true
	case <-time.After(patience):
		p.Kill()
		return false
	}
}

// Tail is the end of the log, for errors.
func (p *Process) Tail() string {
	data, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}
