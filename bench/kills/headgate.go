package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

const policyText = `version: 1
traffic: {listen: %[1]q}
admin: {listen: %[2]q}
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
	*daemon.Headgate
	relay               *relay
	baseline, candidate *backend
	mode                string
}

func newHeadgate(binary, registry string, line mlflowtest.Line) (*headgate, error) {
	h := &headgate{mode: map[mlflowtest.Line]string{mlflowtest.Line2: "stages", mlflowtest.Line3: "aliases"}[line]}
	var errs [4]error
	h.Headgate, errs[0] = daemon.New(binary, "", "")
	h.relay, errs[1] = startRelay(registry)
	h.baseline, errs[2] = startBackend(baselineVersion)
	h.candidate, errs[3] = startBackend(candidateVersion)
	if err := errors.Join(errs[:]...); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *headgate) close() {
	h.end()
	if h.relay != nil {
		h.relay.stop()
	}
	for _, b := range []*backend{h.baseline, h.candidate} {
		if b != nil {
			b.stop()
		}
	}
}

// end kills what may still run.
func (h *headgate) end() {
	if h.Process != nil {
		h.Kill()
	}
}

// prepare makes the directory and the policy of a new cycle.
func (h *headgate) prepare(dir, model string) error {
	h.Dir, h.Model = dir, model
	h.baseline.reset()
	h.candidate.reset()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make the cycle's directory: %w", err)
	}
	return h.WritePolicy(fmt.Sprintf(policyText, h.Traffic, h.Admin, h.State(), h.relay.url(), h.mode, model, h.baseline.url(), h.candidate.url(), h.Incidents()))
}
