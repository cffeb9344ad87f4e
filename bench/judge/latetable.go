package main

import (
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

const lateIntro = `Evidence that comes long after the answer. A click counts when its attribution window of 30 min has closed, a label ten minutes after the answer (every request is
labelled, a fifth of them positive; scores are two normal distributions as far apart as the AUC says). Times run from the start of the rollout and have that wait in them; no
request fails. The gates are ` + "`ctr < baseline` and `auc < baseline`" + `. The promise of the CTR gate is exact, that of the AUC gate asymptotic.`

// lateTable holds what is known only later: clicks and labels.
func lateTable() table {
	clicks := func(rate float64) func(*world) {
		return func(w *world) {
			w.gates, w.late = gateOf("", "ctr < baseline"), &lateness{lag: kpi.DefaultWindows()[kpi.Click], clicks: [2]float64{.10, rate}}
		}
	}
	labels := func(auc float64) func(*world) {
		return func(w *world) {
			w.gates, w.late = gateOf("", "auc < baseline"), &lateness{lag: 10 * time.Minute, auc: [2]float64{.85, auc}}
		}
	}
	of := func(name string, runs int, m measure, limit float64, change func(*world)) row {
		w := with(healthy(guardText), func(w *world) { w.base, w.cand = constant(0), constant(0) })
		return row{scenario{name, runs, with(w, change)}, m, three(limit, limit, limit)}
	}
	return table{title: "Clicks and labels", intro: lateIntro, floor: true, peers: true, rows: []row{
		of("CTR 10 % on both arms", manyRuns, share, .05, clicks(.10)),
		of("CTR 8 % instead of 10 %", someRuns, median, 0, clicks(.08)),
		of("AUC 0.85 on both arms", someRuns, share, .05, labels(.85)),
		of("AUC 0.75 instead of 0.85", someRuns, median, 0, labels(.75)),
	}}
}
