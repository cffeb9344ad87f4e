package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

// rig is one MLflow, the binary under test, and the workers on them.
type rig struct {
	out     io.Writer
	root    string // of the repository
	dir     string // of this run, removed when nothing went wrong
	binary  string
	mlflow  *mlflowtest.Process
	book    *book
	workers []*headgate
	cycles  int
	mu      sync.Mutex // guards cycles and out
}

// newRig starts MLflow and the workers; close ends them all.
func newRig(ctx context.Context, out io.Writer, binary string, line mlflowtest.Line, parallel int) (*rig, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	r := &rig{out: out, root: root, binary: binary}
	if r.dir, err = os.MkdirTemp("", "headgate-kills-"); err != nil {
		return nil, fmt.Errorf("make a directory for the run: %w", err)
	}
	err = r.build(ctx)
	if err == nil {
		err = r.startMLflow(line)
	}
	if err == nil {
		r.book = newBook(r.mlflow.URL, line)
		for range parallel {
			h, e := newHeadgate(r.binary, r.mlflow.URL, line)
			err = errors.Join(err, e)
			r.workers = append(r.workers, h)
		}
	}
	if err != nil {
		r.close(false)
		return nil, err
	}
	return r, nil
}

// startMLflow starts a real server with everything in a directory of its own.
func (r *rig) startMLflow(line mlflowtest.Line) error {
	dir := filepath.Join(r.dir, "mlflow")
	if err := os.Mkdir(dir, 0o750); err != nil {
		return fmt.Errorf("make MLflow's directory: %w", err)
	}
	var err error
	if r.mlflow, err = mlflowtest.Launch(line, dir); err != nil {
		return fmt.Errorf("start MLflow: %w", err)
	}
	return nil
}

// build makes the binary when there is none.
func (r *rig) build(ctx context.Context) error {
	if r.binary != "" {
		var err error
		if r.binary, err = filepath.Abs(r.binary); err != nil {
			return err
		}
		if _, err := os.Stat(r.binary); err == nil {
			return nil
		}
	} else {
		r.binary = filepath.Join(r.dir, "headgate")
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", r.binary, "./cmd/headgate")
	cmd.Dir, cmd.Env = r.root, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build headgate: %w\n%s", err, text)
	}
	return nil
}

// close stops everything that was started; what went wrong can be looked at
// when keep is set.
func (r *rig) close(keep bool) {
	for _, h := range r.workers {
		if h != nil {
			h.close()
		}
	}
	if r.book != nil {
		r.book.close()
	}
	if r.mlflow != nil {
		r.mlflow.Kill()
	}
	if !keep {
		_ = os.RemoveAll(r.dir) // a directory of our own making
	}
}

func (r *rig) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// place is the directory and the model of the next cycle.
func (r *rig) place() (dir, model string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cycles++
	return filepath.Join(r.dir, fmt.Sprintf("cycle-%03d", r.cycles)), fmt.Sprintf("model-%03d", r.cycles)
}

// calibrate rolls back once in each phase without a kill: that has to work, and
// it tells which calls there are.
func (r *rig) calibrate(ctx context.Context) (calls, error) {
	phases := []string{inCanary, inBake}
	var steps [2][]step
	var errs [2]error
	var wait sync.WaitGroup
	for n := range min(2, len(r.workers)) {
		wait.Go(func() {
			for i := n; i < len(phases); i += min(2, len(r.workers)) {
				dir, model := r.place()
				c := &cycle{h: r.workers[n], book: r.book, job: job{phase: phases[i]}, random: newRandom(0)}
				if steps[i], errs[i] = c.rehearse(ctx, dir, model); errs[i] != nil {
					errs[i] = fmt.Errorf("a rollback in the %s without a kill: %w", phases[i], errs[i])
				}
			}
		})
	}
	wait.Wait()
	found := calls{}
	for i, phase := range phases {
		r.say("a rollback in the %s makes %d calls to MLflow", phase, len(steps[i]))
		found[phase] = steps[i]
	}
	return found, errors.Join(errs[:]...)
}

// repository is the root of the one that the working directory is in.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not inside the repository: no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
