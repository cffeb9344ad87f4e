package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"text/template"
	"time"

	"github.com/headgate/headgate/internal/freeport"
)

// child is a process of this run.
type child struct {
	cmd   *exec.Cmd
	log   string
	said  chan string // the first line it said
	ended chan struct{}
}

// start runs a command whose standard error goes to a file as well.
func start(log string, name string, args ...string) (*child, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "SHADOW_CHILD=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches it once, from here
	cmd.Stdout = file
	talk, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	c := &child{cmd: cmd, log: log, said: make(chan string, 1), ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		defer func() { _ = file.Close() }() // a log
		lines := bufio.NewScanner(talk)
		for first := true; lines.Scan(); first = false {
			if first {
				c.said <- lines.Text()
			}
			fmt.Fprintln(file, lines.Text())
		}
		close(c.said)
		_ = cmd.Wait() // how it ended is in its log
	}()
	return c, nil
}

// listening returns the addresses that a child of our own says it listens on.
func (c *child) listening() ([]string, error) {
	select {
	case line := <-c.said:
		if addresses, ok := strings.CutPrefix(line, "listening "); ok {
			return strings.Fields(addresses), nil
		}
		return nil, fmt.Errorf("%s said %q, see %s", c.cmd.Args, line, c.log)
	case <-time.After(20 * time.Second):
		return nil, fmt.Errorf("%s says nothing, see %s", c.cmd.Args, c.log)
	}
}

// stop asks a child to end and makes sure that it does.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-c.ended:
	case <-time.After(30 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// gate is a proxy under test.
type gate struct {
	*child
	users   *users
	metrics string // URL
}

// scene is everything that one condition needs.
type scene struct {
	children      []*child
	without, with *gate
}

func (s *scene) stop() {
	for _, g := range []*gate{s.without, s.with} {
		if g != nil {
			g.users.close()
		}
	}
	var all sync.WaitGroup
	for _, c := range s.children {
		all.Go(c.stop)
	}
	all.Wait()
}

func newScene(ctx context.Context, o options, c condition, dir string) (s *scene, err error) {
	s = &scene{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return s, err
	}
	backend := func(name, version string, does condition) (string, error) {
		command := []string{self, "backend", "--think", o.think.String(), "--does", string(does), "--version", version}
		if name == "candidate" {
			command = append([]string{"nice", "-n", "19"}, command...) // in life it computes on a machine of its own
		}
		b, err := start(filepath.Join(dir, name+".log"), command[0], command[1:]...)
		if err != nil {
			return "", err
		}
		s.children = append(s.children, b)
		addresses, err := b.listening()
		if err != nil {
			return "", err
		}
		return addresses[0], nil
	}
	baseline, err := backend("baseline", "1", healthy)
	if err != nil {
		return s, err
	}
	candidate := ""
	if c == dead {
		candidate, err = freeport.TakeAddress()
	} else {
		candidate, err = backend("candidate", "2", c)
	}
	if err != nil {
		return s, err
	}
	for _, mirror := range []bool{false, true} {
		g, err := s.gate(ctx, o, self, filepath.Join(dir, fmt.Sprintf("%s-%v", c, mirror)), baseline, candidate, mirror)
		if err != nil {
			return s, err
		}
		if mirror {
			s.with = g
		} else {
			s.without = g
		}
	}
	return s, nil
}

// gate starts a proxy with or without a mirror.
func (s *scene) gate(ctx context.Context, o options, self, dir, baseline, candidate string, mirror bool) (*gate, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	if o.headgate != "" {
		return s.headgate(ctx, o, dir, baseline, candidate, mirror)
	}
	args := []string{"proxy", "--baseline", baseline, "--timeout", o.timeout.String()}
	if mirror {
		args = append(args, "--candidate", "http://"+candidate)
	}
	c, err := start(filepath.Join(dir, "log"), self, args...)
	if err != nil {
		return nil, err
	}
	s.children = append(s.children, c)
	addresses, err := c.listening()
	if err != nil {
		return nil, err
	}
	return &gate{c, newUsers(addresses[0]), "http://" + addresses[1] + "/metrics"}, nil
}

// headgate starts the binary under test with a policy made of the template.
func (s *scene) headgate(ctx context.Context, o options, dir, baseline, candidate string, mirror bool) (*gate, error) {
	listen, err := freeport.TakeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := freeport.TakeAddress()
	if err != nil {
		return nil, err
	}
	t, err := template.ParseFiles(o.policy)
	if err != nil {
		return nil, err
	}
	var policy bytes.Buffer
	err = t.Option("missingkey=error").Execute(&policy, map[string]any{
		"Listen": listen, "Admin": admin, "State": filepath.Join(dir, "state"),
		"Baseline": "http://" + baseline, "Candidate": "http://" + candidate, "Mirror": mirror,
	})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(file, policy.Bytes(), 0o600); err != nil {
		return nil, err
	}
	c, err := start(filepath.Join(dir, "log"), o.headgate, "serve", "--config", file)
	if err != nil {
		return nil, err
	}
	s.children = append(s.children, c)
	g := &gate{c, newUsers(listen), "http://" + admin + "/metrics"}
	if err := g.ready(ctx, "http://"+listen+"/health"); err != nil {
		return nil, err
	}
	if mirror && o.order != "" {
		order := exec.CommandContext(ctx, o.headgate, append(strings.Fields(o.order), "--admin", "http://"+admin)...)
		if said, err := order.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", o.order, err, said)
		}
	}
	return g, nil
}

// ready waits until a URL answers.
func (g *gate) ready(ctx context.Context, url string) error {
	for range 200 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body) // only its status matters
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-g.ended:
			return fmt.Errorf("%s has ended, see %s", g.cmd.Path, g.log)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not answer on %s", g.cmd.Path, url)
}

// peak is the largest resident memory that the process has had, in KiB.
func (g *gate) peak() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			n, _ := strconv.ParseInt(f[1], 10, 64) // 0 when it cannot be read
			return n
		}
	}
	return 0
}

// clockTick is the unit of the times in /proc, the same on every Linux that Go
// runs on.
const clockTick = 10 * time.Millisecond

// cpu is the time that the process has computed, to 10 ms.
func (g *gate) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold blanks
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64) // 0 when it cannot be read
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * clockTick
}
