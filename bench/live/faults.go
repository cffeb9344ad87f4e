package main

import (
	"net/url"
	"strconv"
	"time"

	"github.com/headgate/headgate/examples/sample/world"
)

// fault is one way in which a candidate is worse, and the gate that is to find
// it.
type fault struct {
	name  string
	gate  string // "" for the healthy one: nothing is to happen
	knobs url.Values
	ctr   float64 // of the candidate
	limit time.Duration
}

// faults of the sizes that are promised.
func faults() []fault {
	with := func(pairs ...string) url.Values {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	return []fault{
		{"healthy, for a minute", "", with(), world.BaseCTR, time.Minute},
		{"AUC worse by 0.1", "ranking", with("noise", number(world.NoiseTenth)), world.BaseCTR, 3 * time.Minute},
		{"unfair to a group, parity 0.6", "fairness", with("unfair", number(world.UnfairSixTenths)), world.BaseCTR, 3 * time.Minute},
		{"clicked 20 % less often", "clicks", with(), world.BaseCTR * 0.8, 4 * time.Minute},
		{"predictions drift, PSI 0.5", "drift", with("drift", number(world.DriftHalf)), world.BaseCTR, 3 * time.Minute},
		{"20 % slower", "slower", with("slower", "1.2"), world.BaseCTR, 3 * time.Minute},
		{"answers NaN", "errors", with("nan", "1"), world.BaseCTR, time.Minute},
		{"NaN in one answer of twenty", "errors", with("nan", "0.05"), world.BaseCTR, 3 * time.Minute},
	}
}

const policy = `version: 1
traffic: {listen: %[1]q}
admin: {listen: %[2]q}
state: {dir: %[3]q}
registry: {local: {}}
routes:
  - name: live
    model: live
    baseline:  {upstreams: ["http://127.0.0.1:%[4]d"], version_from: {path: /health, field: version}}
    candidate: {upstreams: ["http://127.0.0.1:%[5]d"], version_from: {path: /health, field: version}}
    key: {header: X-User-Id}
    expose_arm: true
    payload: {group: group}
    errors: {body: [predictions missing or not a number]}
models:
  live:
    false_rollback: 1%%
    warm_up: 2s
    inputs: [{name: f0, feature: 0, min: -6, max: 6}]
    outcomes: {windows: {click: 5s, label: 10s}, keep: 50000}
    plan:
      - canary: {weight: 50%%, hold: 1h}
      - promote: {}
    gates:
      - {name: errors,   require: "error_rate <= baseline + 1%%", message: the candidate fails more often than production}
      - {name: slower,   require: "latency <= baseline * 1.1", message: the candidate is slower than production}
      - {name: clicks,   require: "ctr >= baseline * 0.95", message: users click less than on production}
      - {name: ranking,  require: "auc >= baseline - 0.05", message: the candidate ranks worse than production}
      - {name: fairness, require: "parity >= 0.8", message: the candidate favours a group}
      - {name: drift,    require: "psi <= 0.2", message: the candidate's predictions are distributed differently}
      - {name: inputs,   rollback_when: "psi.f0 > 0.2", mode: observe}
    incidents: [{file: %[6]q}]
`
