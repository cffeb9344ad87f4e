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

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/admin/client"
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
	*daemon.Headgate
	baseline, candidate *backend
	token               map[string]string // by name
}

// newHeadgate writes the policy and the tokens and starts the binary; registry
// is that section of the policy, hold how long the canary step lasts.
func newHeadgate(ctx context.Context, binary, dir, model, registry, baseline, candidate string, hold time.Duration) (*headgate, error) {
	d, err := daemon.New(binary, dir, model)
	if err != nil {
		return nil, err
	}
	h := &headgate{Headgate: d, baseline: newBackend(baseline), candidate: newBackend(candidate), token: map[string]string{}}
	if err = h.configure(registry, hold); err == nil {
		err = h.Serve(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *headgate) configure(registry string, hold time.Duration) (err error) {
	digest := map[string]string{}
	for _, name := range []string{"bench", "prometheus", "alertmanager"} {
		if h.token[name], digest[name], err = client.NewToken(rand.Reader); err != nil {
			return err
		}
		if err := os.WriteFile(h.tokenFile(name), []byte(h.token[name]), 0o600); err != nil {
			return err
		}
	}
	if h.API, err = client.New("http://"+h.Admin, h.token["bench"]); err != nil {
		return err
	}
	return h.WritePolicy(fmt.Sprintf(policyText, h.Traffic, h.Admin, digest["bench"], digest["prometheus"], digest["alertmanager"], h.State(),
		registry, h.Model, h.baseline.URL, h.candidate.URL, hold, h.Incidents()))
}

func (h *headgate) tokenFile(name string) string { return filepath.Join(h.Dir, name+".token") }

func (h *headgate) close() error {
	err := h.End()
	h.baseline.Close()
	h.candidate.Close()
	return err
}

// records counts the record's lines about alerts.
func (h *headgate) records(ctx context.Context, kind string) (n int, err error) {
	err = h.API.Journal(ctx, 1, func(e client.Entry) error {
		if bytes.Contains(e.Body, []byte(`"kind":"`+kind+`"`)) {
			n++
		}
		return nil
	})
	return n, err
}
