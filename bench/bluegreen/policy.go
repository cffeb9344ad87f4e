package main

import (
	"fmt"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
)

const model = "colours"

// The versions that the two colours serve.
const (
	blue  = "1" // the baseline's upstream
	green = "2" // the candidate's, idle until the switch
)

// policyText is configs/blue-green.yaml without the shadow step before the
// switch; the holds are never reached, nor is the time-out by a slow candidate.
const policyText = `version: 1
traffic: {listen: %[1]q, upstream: {connections: 2048}}
admin: {listen: %[2]q}
state: {dir: %[3]q}
registry: {local: {}}
routes:
  - name: all
    match: {path_prefix: /}
    model: %[4]s
    baseline:  {upstreams: [%[5]q], version_from: {path: /health, field: version}}
    candidate: {upstreams: [%[6]q], version_from: {path: /health, field: version}}
    key: {header: X-User-Id}
    timeout: 15s
models:
  %[4]s:
    warm_up: 0s
    plan:
      - bluegreen:
          hold: 10m
          check: {requests: 20, path: /predict, body: '{"features": [[1]]}'}%[7]s
      - promote: {}
      - bake: {hold: 1h}
    gates:
      - {name: errors, require: "error_rate <= 2%%"}
      - {name: latency, require: "latency_p90 <= %[8]dms", message: the candidate answers too slowly}
    incidents: [{file: %[9]q}]
`

// policy fills it in; gradual goes behind the check, limit is the gate's.
func policy(h *daemon.Headgate, b, g *colour, gradual string, limit time.Duration) string {
	return fmt.Sprintf(policyText, h.Traffic, h.Admin, h.State(), model, b.URL, g.URL, gradual, limit.Milliseconds(), h.Incidents())
}
