package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/freeport"
	"github.com/headgate/headgate/internal/rollout"
)

// latency of every prediction, its median; the sample backends wait that long.
const latency = 20 * time.Millisecond

// rig is headgate with both backends, as processes of their own.
type rig struct {
	dir                                 string
	traffic, admin, baseline, candidate int
	api                                 *client.Client
	processes                           []*exec.Cmd
}

func newRig(ctx context.Context, headgate, sample string) (*rig, error) {
	dir, err := os.MkdirTemp("", "headgate-live-")
	if err != nil {
		return nil, err
	}
	r := &rig{dir: dir}
	for _, port := range []*int{&r.traffic, &r.admin, &r.baseline, &r.candidate} {
		if *port, err = freeport.Take(); err != nil {
			return r, err
		}
	}
	file := filepath.Join(dir, "policy.yaml")
	text := fmt.Sprintf(policy, r.traffic, r.admin, filepath.Join(dir, "state"), r.baseline, r.candidate, filepath.Join(dir, "incidents"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return r, err
	}
	if r.api, err = client.New(fmt.Sprintf("http://127.0.0.1:%d", r.admin), ""); err != nil {
		return r, err
	}
	for stage, port := range map[string]int{"Production": r.baseline, "Staging": r.candidate} {
		err := r.start(sample, "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--stage", stage, "--latency", latency.String(), "--jitter", "0.3")
		if err != nil {
			return r, err
		}
	}
	if err := r.start(headgate, "serve", "--config", file); err != nil {
		return r, err
	}
	return r, r.until(ctx, 30*time.Second, "headgate to be ready", func() bool {
		v, err := r.api.Rollout(ctx, "live")
		return err == nil && len(v.Serving) == 2 && v.Serving[0].Up && v.Serving[1].Up
	})
}

func (r *rig) start(name string, args ...string) error {
	log, err := os.OpenFile(filepath.Join(r.dir, "log.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, r.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	r.processes = append(r.processes, cmd)
	return nil
}

// stop ends everything; the directory stays when something went wrong.
func (r *rig) stop(keep bool) {
	for _, p := range r.processes {
		_ = p.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range r.processes {
		_ = p.Wait() // a process that was told to end
	}
	if !keep {
		_ = os.RemoveAll(r.dir)
	}
}

// become makes the candidate's backend serve a version with a fault.
func (r *rig) become(ctx context.Context, version string, knobs url.Values) error {
	q := url.Values{"version": {version}, "latency": {latency.String()}, "jitter": {"0.3"}}
	for name, v := range knobs {
		q[name] = v
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/become?%s", r.candidate, q.Encode()), http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("become %s: %s %s", version, res.Status, text)
	}
	return r.until(ctx, 15*time.Second, "headgate to see version "+version, func() bool {
		v, err := r.api.Rollout(ctx, "live")
		return err == nil && len(v.Serving) == 2 && v.Serving[1].Version == version
	})
}

// until waits for something.
func (r *rig) until(ctx context.Context, limit time.Duration, what string, ok func() bool) error {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if ok() {
			return nil
		}
		if !rollout.Sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return fmt.Errorf("waited %s for %s; %s/log.txt says more", limit, what, r.dir)
}

// incident is the file of a rollback.
func (r *rig) incident(rolloutID string) (map[string]any, error) {
	data, err := os.ReadFile(filepath.Join(r.dir, "incidents", rolloutID+".json"))
	if err != nil {
		return nil, err
	}
	var in map[string]any
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	return in, nil
}
