package main

const boundaryName = "exactly on the boundary of 0.2 points"

// healthyTable holds candidates that are no worse than their limits.
func healthyTable() table {
	equal := func(name string, change func(*world)) row {
		return row{scenario{name, manyRuns, with(healthy(guardText), change)}, share, three(.05, .05, .05)}
	}
	ramp := []float64{.01, .05, .10, .25, .50}
	night := func(w *world) { w.base, w.cand = wave(baseRate, .9, 2400), wave(baseRate, .9, 2400) }
	every := equal("sticky users, if every request counted (Headgate does not)", func(w *world) { w.sticky, w.every = true, true })
	every.of.runs, every.bars = someRuns, three(0, 0, 0)
	return table{title: "Healthy candidates", intro: healthyIntro, peers: true, rows: []row{
		equal(healthyName, func(*world) {}),
		equal("traffic ±80 % (day and night)", func(w *world) { w.traffic = wave(1, .8, 1300) }),
		equal("error rate ±90 % on both arms (day and night)", night),
		equal("bursts on both arms: 5 % errors for 30 s in every 5 min", func(w *world) {
			w.base, w.cand = bursts(baseRate, .05), bursts(baseRate, .05)
		}),
		equal("ramp 1-5-10-25-50 %", func(w *world) { w.steps = ramp }),
		equal("real share ±20 % of the configured one", func(w *world) { w.share = wave(1, .2, 1700) }),
		equal("traffic, error rate, ramp and share at once", func(w *world) {
			night(w)
			w.traffic, w.share, w.steps = wave(1, .8, 1300), wave(1, .2, 1700), ramp
		}),
		equal("no error for an hour, then equal", func(w *world) { w.cand = after(hour, 0, baseRate) }),
		{scenario{boundaryName, manyRuns, failing(marginText, .002)}, share, three(.05, .05, .05)},
		equal("sticky users, first outcomes count", func(w *world) { w.sticky = true }),
		every,
		equal("latency, `latency > baseline`", slow("latency > baseline", 1, .3)),
		equal("latency, `latency_p95 > baseline`", slow("latency_p95 > baseline", 1, .3)),
		equal("latency, 20 % slower at `latency_p95 > baseline * 1.2`", slow("latency_p95 > baseline * 1.2", 1.2, .3)),
	}}
}

// slow gives both arms log-normal latencies and judges those alone.
func slow(rollback string, factor, spread float64) func(*world) {
	return func(w *world) { w.gates, w.slower, w.spread = gateOf("", rollback), factor, spread }
}

// badTable holds candidates that are worse.
func badTable() table {
	bad := func(name string, runs int, change func(*world), limits ...float64) row {
		return row{scenario{name, runs, with(healthy(guardText), change)}, median, three(limits...)}
	}
	by := func(points float64) func(*world) { return func(w *world) { w.cand = constant(baseRate + points) } }
	return table{title: "Bad candidates", intro: badIntro, floor: true, peers: true, rows: []row{
		bad("+20 points of errors", someRuns, by(.20), 32, 4, 2),
		bad(twoPoints, manyRuns, by(.02), 520, 56, 8),
		bad("+0.5 points of errors", manyRuns, by(.005), 0, 0, 0),
		bad(lateName, manyRuns, func(w *world) { w.bad, w.cand = hour, after(hour, baseRate, baseRate+.02) }, 0, 125, 0),
		bad("+2 points on the ramp 1-5-10-25-50 %", someRuns, func(w *world) {
			w.steps, w.cand = []float64{.01, .05, .10, .25, .50}, constant(baseRate+.02)
		}, 0, 0, 0),
		bad("errors that grow by 2 points in an hour", someRuns, func(w *world) { w.cand = growing(baseRate, .02, hour) }, 0, 0, 0),
		bad("bursts on the candidate: 20 % errors for 30 s in every 5 min", someRuns, func(w *world) { w.cand = bursts(baseRate, .20) }, 0, 0, 0),
		bad("latency +20 %, `latency > baseline`, σ = 0.3", someRuns, slow("latency > baseline", 1.2, .3), 230, 28, 4),
		bad("latency +20 %, `latency > baseline`, σ = 0.4", someRuns, slow("latency > baseline", 1.2, .4), 0, 0, 0),
		bad("latency +20 %, `latency_p95 > baseline`, σ = 0.3", someRuns, slow("latency_p95 > baseline", 1.2, .3), 0, 0, 0),
	}}
}
