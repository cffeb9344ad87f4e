package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/freeport"
	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

const policyText = `version: 1
traffic: {listen: "127.0.0.1:%[1]d"}
admin: {listen: "127.0.0.1:%[2]d"}
state: {dir: %[3]q}
registry:
  mlflow: {tracking_uri: %[4]q, mode: %[5]s, calls_per_second: 200}
routes:
  - name: all
    match: {path_prefix: /}
    model: %[6]s
    baseline:  {upstreams: [%[7]q], version_from: {path: /health, field: version}}
    candidate: {upstreams: [%[8]q], version_from: {path: /health, field: version}}
    key: {header: X-User-Id}
    timeout: 5s
    expose_arm: true
models:
  %[6]s:
    false_rollback: 5%%
    warm_up: 0s
    min_requests: 20
    after_promote: {reload: POST /reload, timeout: 5s}
    plan:
      - canary: {weight: 50%%, hold: 500ms}
      - promote: {}
      - bake: {hold: 10m}
    gates:
      - {name: errors, require: "error_rate <= baseline + 5%%", rollback_when: "error_rate > baseline + 5%%", message: the candidate fails more often than production}
      - {name: broken, rollback_when: "error_rate > 20%%", message: the candidate fails too often}
      - {name: latency, require: "latency_p50 <= 1s", message: the candidate is too slow}
    incidents: [{file: %[9]q}]
`

// headgate is the shipped binary under test with everything of its own: ports,
// a directory, backends and a relay. Each cycle has a fresh model and state.
type headgate struct {
	binary              string
	trafficPort         int
	adminPort           int
	api                 *client.Client
	relay               *relay
	baseline, candidate *backend
	mode                string
	dir, model          string
	process             *process
}

func newHeadgate(binary, registry string, line mlflowtest.Line) (*headgate, error) {
	h := &headgate{binary: binary, mode: map[mlflowtest.Line]string{mlflowtest.Line2: "stages", mlflowtest.Line3: "aliases"}[line]}
	var errs [5]error
	h.trafficPort, errs[0] = freeport.Take()
	h.adminPort, errs[1] = freeport.Take()
	h.relay, errs[2] = startRelay(registry)
	h.baseline, errs[3] = startBackend(baselineVersion)
	h.candidate, errs[4] = startBackend(candidateVersion)
	if err := errors.Join(errs[:]...); err != nil {
		h.close()
		return nil, err
	}
	var err error
	h.api, err = client.New(fmt.Sprintf("http://127.0.0.1:%d", h.adminPort), "")
	return h, err
}

func (h *headgate) close() {
	if h.process != nil {
		h.process.kill()
	}
	if h.relay != nil {
		h.relay.stop()
	}
	for _, b := range []*backend{h.baseline, h.candidate} {
		if b != nil {
			b.stop()
		}
	}
}

func (h *headgate) stateDir() string    { return filepath.Join(h.dir, "state") }
func (h *headgate) incidentDir() string { return filepath.Join(h.dir, "incidents") }
func (h *headgate) policy() string      { return filepath.Join(h.dir, "policy.yaml") }
func (h *headgate) log() string         { return filepath.Join(h.dir, "headgate.log") }

// prepare makes the directory and the policy of a new cycle.
func (h *headgate) prepare(dir, model string) error {
	h.dir, h.model = dir, model
	h.baseline.reset()
	h.candidate.reset()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make the cycle's directory: %w", err)
	}
	text := fmt.Sprintf(policyText, h.trafficPort, h.adminPort, h.stateDir(), h.relay.url(), h.mode, model, h.baseline.url(), h.candidate.url(), h.incidentDir())
	return os.WriteFile(h.policy(), []byte(text), 0o600)
}

func (h *headgate) start() error {
	cmd := exec.Command(h.binary, "serve", "--config", h.policy())
	cmd.Dir = h.dir
	p, err := startProcess(cmd, h.log())
	if err != nil {
		return err
	}
	h.process = p
	return nil
}

// await polls the status API until ok.
func (h *headgate) await(ctx context.Context, what string, limit time.Duration, ok func(client.View) bool) (client.View, error) {
	var v client.View
	err := poll(ctx, limit, 10*time.Millisecond, func() (bool, error) {
		var err error
		v, err = h.api.Rollout(ctx, h.model)
		if err == nil {
			return ok(v), nil
		}
		select {
		case <-h.process.dead:
			return false, errors.New("headgate ended by itself")
		default:
			return false, nil
		}
	})
	if err != nil {
		return v, fmt.Errorf("%s: %w; it is %s (%s) at %s: %s, registry %+v\n%s", what, err, v.Phase, v.Reason, v.Weight, v.Message, v.Registry, tailOf(h.log()))
	}
	return v, nil
}

// ready waits until both arms were probed.
func (h *headgate) ready(ctx context.Context) error {
	_, err := h.await(ctx, "both arms up", 30*time.Second, func(v client.View) bool {
		up := 0
		for _, s := range v.Serving {
			if s.Up {
				up++
			}
		}
		return up == 2
	})
	return err
}

// end stops it as an operator would.
func (h *headgate) end() error {
	if h.process == nil {
		return nil
	}
	began := time.Now()
	h.process.stop(syscall.SIGTERM, 20*time.Second)
	if time.Since(began) >= 20*time.Second {
		return fmt.Errorf("headgate did not stop within 20s of SIGTERM\n%s", tailOf(h.log()))
	}
	return nil
}

// audit asks the binary whether the record is whole.
func (h *headgate) audit(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, h.binary, "audit", "verify", "--dir", h.stateDir(), "--json").Output()
	var v client.Verification
	if jsonErr := json.Unmarshal(out, &v); jsonErr != nil {
		return fmt.Errorf("audit verify: %w: %s", errors.Join(err, jsonErr), out)
	}
	if err != nil || !v.Intact {
		return fmt.Errorf("audit verify: not intact: %v (%w)", v.Problems, err)
	}
	return nil
}
