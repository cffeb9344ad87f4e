package main

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/judge"
)

// measure is what a row reports of its runs.
type measure int

const (
	hits         measure = iota // share of runs that reached the verdict
	hitsBound                   // the same, with its bound held against the bar
	median                      // seconds
	percentile95                // seconds
	overFloor                   // mean delay over the theoretical floor
)

// row is one line of the table: a world per request rate.
type row struct {
	name    string
	measure measure
	runs    int
	world   world
	floor   float64 // requests that any method needs, for overFloor
	bars    []bar
}

// bar is what a row has to reach at a rate; 0: shown without a bar.
type bar struct {
	rate, limit float64
}

func gateOf(require, rollback string) []judge.GateConfig {
	return []judge.GateConfig{{Name: "gate", Require: require, RollbackWhen: rollback}}
}

const (
	baseRate  = 0.005
	guardText = "error_rate > baseline"
	hour      = time.Hour
)

// healthy is the world of the table: 10 % weight, base error 0.5 %, 2 h.
func healthy(gates []judge.GateConfig) world {
	return world{
		gates: gates, alpha: 0.05, length: 2 * hour, steps: []float64{0.10}, until: judge.Fail,
		base: constant(baseRate), cand: constant(baseRate), share: constant(1),
	}
}

func failing(gates []judge.GateConfig, points float64) world {
	w := healthy(gates)
	w.cand = constant(baseRate + points)
	return w
}

func showing(margin string) world {
	w := healthy(gateOf("error_rate <= baseline + "+margin, ""))
	w.until = judge.Pass
	w.length = 4 * hour
	return w
}

func with(w world, change func(*world)) world {
	change(&w)
	return w
}

// rows of the promise that the project is judged by; all through the recorder.
func promised() []row {
	guard := gateOf("", guardText)
	margin := gateOf("", "error_rate > baseline + 0.2%")
	record := func(w *world) { w.record = true }
	clean := with(healthy(margin), func(w *world) {
		w.alpha, w.base, w.cand, w.history, w.clean = 0.01, constant(0), constant(0.05), 1e6, true
	})
	return []row{
		{"healthy candidate rolled back, α = 5 %", hitsBound, 1000, with(healthy(guard), record), 0, []bar{{50, 0.05}}},
		{"+20 points of errors: median seconds to roll back", median, 500, with(failing(guard, .20), record), 0, []bar{{50, 5}}},
		{"no error in 10⁶ baseline requests, candidate fails 5 % (0.2 points, α = 1 %): 95th percentile, seconds", percentile95, 500, with(clean, record), 0, []bar{{50, 40}}},
		{"SAFE of an equal candidate at 1 point: median seconds", median, 500, with(showing("1%"), record), 0, []bar{{50, 180}}},
	}
}

// rows of the wider table.
func published() []row {
	guard, margin := gateOf("", guardText), gateOf("", "error_rate > baseline + 0.2%")
	rough := func(w *world) {
		w.base, w.cand = wave(baseRate, .9, 2400), wave(baseRate, .9, 2400)
		w.share = wave(1, .2, 1700)
		w.steps = []float64{.01, .05, .10, .25, .50}
	}
	late := with(healthy(guard), func(w *world) {
		w.bad = hour
		w.cand = after(hour, baseRate, baseRate+.02)
	})
	slow := func(spread float64) world {
		return with(healthy(gateOf("", "latency > baseline")), func(w *world) { w.slower, w.spread = 1.2, spread })
	}
	boundary := with(showing("1%"), func(w *world) { w.cand, w.length = constant(baseRate+.01), 2*hour })
	five := []bar{{5, .05}, {50, .05}, {500, .05}}
	return []row{
		{"false rollback, healthy", hits, 2000, healthy(guard), 0, five},
		{"… error rate ±90 %, real share ±20 %, traffic ±80 %, ramp 1-5-10-25-50 %", hits, 500, with(healthy(guard), rough), 0, five},
		{"… exactly on the boundary of 0.2 points", hits, 500, failing(margin, .002), 0, five},
		{"+2 points: median seconds", median, 500, failing(guard, .02), 0, []bar{{5, 520}, {50, 56}, {500, 8}}},
		{"… with the 0.2 point margin", median, 500, failing(margin, .02), 0, []bar{{50, 79}, {500, 9}}},
		{"+20 points: median seconds", median, 500, failing(guard, .20), 0, []bar{{5, 32}, {50, 4}, {500, 2}}},
		{"+2 points after a healthy hour: median seconds", median, 500, late, 0, []bar{{50, 125}}},
		{"mean delay / floor, +2 points", overFloor, 2000, failing(guard, .02), math.Log(20) / 1.6865143e-3, []bar{{5, 1.7}, {50, 1.75}}},
		{"mean delay / floor, +0.5 points", overFloor, 500, failing(guard, .005), math.Log(20) / 1.7007393e-4, []bar{{500, 1.85}}},
		{"latency +20 %, several thresholds, log-normal, σ = 0.3: median seconds", median, 500, slow(.3), 0, []bar{{5, 230}, {50, 28}, {500, 4}}},
		{"… σ = 0.4 (wider latencies hide more)", median, 500, slow(.4), 0, []bar{{5, 0}, {50, 0}, {500, 0}}},
		{"SAFE, equal candidate, 1 point: median seconds", median, 500, showing("1%"), 0, []bar{{5, 1700}, {50, 180}, {500, 20}}},
		{"SAFE, equal candidate, 0.2 points: median seconds", median, 500, showing("0.2%"), 0, []bar{{50, 2450}, {500, 260}}},
		{"false pass exactly on the boundary of 1 point, β = 5 %", hits, 2000, boundary, 0, five},
	}
}

// at sets the request rate; ten minutes of history unless the row has its own.
func (r row) at(rate float64) world {
	w := r.world
	w.rate = constant(rate)
	if len(w.steps) > 1 {
		w.rate = wave(rate, .8, 1300)
	}
	if w.history == 0 {
		w.history = uint64(rate * 600 * .9)
	}
	return w
}
