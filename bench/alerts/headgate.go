package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/freeport"
)

// policyText has a gate that the judge is told not to act on: the alerts of its
// rules are what takes a slow candidate back.
const policyText = `version: 1
traffic: {listen: %[1]q}
admin:
  listen: %[2]q
  tokens:
    - {name: bench, roles: [operator], sha256: %[3]q}
    - {name: prometheus, roles: [viewer], sha256: %[4]q}
    - {name: alertmanager, roles: [alerter], sha256: %[5]q}
state: {dir: %[6]q}
registry: %[7]s
routes:
  - name: all
    match: {path_prefix: /}
    model: %[8]s
    baseline:  {upstreams: [%[9]q], version_from: {path: /health, field: version}}
    candidate: {upstreams: [%[10]q], version_from: {path: /health, field: version}}
    key: {header: X-User-Id}
    timeout: 5s
models:
  %[8]s:
    warm_up: 0s
    min_requests: 20
    plan:
      - canary: {weight: 50%%, hold: %[11]s}
      - promote: {}
      - bake: {hold: 1h}
    gates:
      - {name: errors, require: "error_rate <= baseline + 20%%"}
      - {name: latency, require: "latency_p95 <= 300ms", mode: observe, message: the candidate answers too slowly}
    on_alert:
      - {match: {severity: critical, model: %[8]s}, do: rollback}
    incidents: [{file: %[12]q}]
`

// headgate is the shipped binary with its backends and tokens.
type headgate struct {
	dir, binary, model  string
	traffic, admin      string
	baseline, candidate *backend
	token               map[string]string // by name
	api                 *client.Client
	process             *process
}

// newHeadgate writes the policy and the tokens and starts the binary; registry
// is that section of the policy, hold how long the canary step lasts.
func newHeadgate(ctx context.Context, binary, dir, model, registry, baseline, candidate string, hold time.Duration) (*headgate, error) {
	h := &headgate{dir: dir, binary: binary, model: model, baseline: newBackend(baseline), candidate: newBackend(candidate), token: map[string]string{}}
	var errs [2]error
	h.traffic, errs[0] = freeport.TakeAddress()
	h.admin, errs[1] = freeport.TakeAddress()
	digest := map[string]string{}
	for _, name := range []string{"bench", "prometheus", "alertmanager"} {
		var err error
		if h.token[name], digest[name], err = client.NewToken(rand.Reader); err == nil {
			err = os.WriteFile(h.tokenFile(name), []byte(h.token[name]), 0o600)
		}
		errs[0] = errors.Join(errs[0], err)
	}
	text := fmt.Sprintf(policyText, h.traffic, h.admin, digest["bench"], digest["prometheus"], digest["alertmanager"], filepath.Join(dir, "state"),
		registry, model, h.baseline.URL, h.candidate.URL, hold, filepath.Join(dir, "incidents"))
	err := errors.Join(errs[0], errs[1], os.WriteFile(h.policy(), []byte(text), 0o600))
	if err == nil {
		h.process, err = start(filepath.Join(dir, "headgate.log"), binary, "serve", "--config", h.policy())
	}
	if err == nil {
		h.api, err = client.New("http://"+h.admin, h.token["bench"])
	}
	if err == nil {
		err = h.ready(ctx)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *headgate) policy() string               { return filepath.Join(h.dir, "policy.yaml") }
func (h *headgate) tokenFile(name string) string { return filepath.Join(h.dir, name+".token") }

func (h *headgate) close() {
	h.process.stop()
	h.baseline.Close()
	h.candidate.Close()
}

// await polls the status API until ok.
func (h *headgate) await(ctx context.Context, what string, limit time.Duration, ok func(client.View) bool) (client.View, error) {
	var v client.View
	err := poll(ctx, what, limit, func() (bool, error) {
		select {
		case <-h.process.dead:
			return false, errors.New("headgate ended by itself")
		default:
		}
		var err error
		if v, err = h.api.Rollout(ctx, h.model); err != nil {
			return false, nil //nolint:nilerr // it is starting, or busy
		}
		return ok(v), nil
	})
	if err != nil {
		return v, fmt.Errorf("%w; %s is %s (%s) at %s: %s\n%s", err, h.model, v.Phase, v.Reason, v.Weight, v.Message, h.process.tail())
	}
	return v, nil
}

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

// records counts the record's lines about alerts.
func (h *headgate) records(ctx context.Context, kind string) (n int, err error) {
	err = h.api.Journal(ctx, 1, func(e client.Entry) error {
		if bytes.Contains(e.Body, []byte(`"kind":"`+kind+`"`)) {
			n++
		}
		return nil
	})
	return n, err
}
