package main

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is a child in a group of its own, with its output in a file.
type process struct {
	cmd  *exec.Cmd
	log  string
	dead chan struct{} // closed when it has been waited for
	once sync.Once
	// killedAt is when it was known to be gone; set before dead is closed.
	killedAt time.Time
}

func startProcess(cmd *exec.Cmd, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", cmd.Path, err)
	}
	defer func() { _ = out.Close() }() // the child has its own
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &process{cmd: cmd, log: log, dead: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // a killed child is no error here
		p.killedAt = time.Now()
		close(p.dead)
	}()
	return p, nil
}

// kill is kill -9; it returns when the process is gone.
func (p *process) kill() {
	p.once.Do(func() { _ = p.cmd.Process.Kill() }) // it may be gone already
	<-p.dead
}

// stop asks the group to end, and kills what is left of it after the patience.
func (p *process) stop(signal syscall.Signal, patience time.Duration) {
	p.signal(signal)
	select {
	case <-p.dead:
	case <-time.After(patience):
	}
	p.signal(syscall.SIGKILL)
	<-p.dead
}

// signal reaches the whole group: workers outlive their parent.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }
