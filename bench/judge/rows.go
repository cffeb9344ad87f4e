package main

import (
	"time"

	"github.com/headgate/headgate/internal/judge"
)

// measure is what a row holds against its bar.
type measure int

const (
	share      measure = iota // of runs that reached the verdict; two standard errors of grace
	shareBound                // the same, with its 95 % bound held against the bar
	median                    // seconds
	late                      // seconds, 95th percentile; both times have two standard errors of grace
	overFloor                 // mean delay over the theoretical floor; two standard errors of grace
)

// scenario is a world that is simulated at some request rates, once however
// many rows read it.
type scenario struct {
	name  string // unique: it seeds the runs
	runs  int
	world world
}

// row is one line of a table per request rate.
type row struct {
	of      scenario
	measure measure
	bars    []bar
}

// bar is what a row has to reach at a rate; limit 0: shown without a bar.
type bar struct {
	rate, limit float64
}

// table is a part of the report.
type table struct {
	title, intro string
	floor, peers bool // columns it has
	rows         []row
}

const (
	baseRate    = 0.005
	guardText   = "error_rate > baseline"
	marginText  = "error_rate > baseline + 0.2%"
	hour        = time.Hour
	manyRuns    = 2000
	someRuns    = 500
	healthyName = "healthy"
	twoPoints   = "+2 points of errors"
	lateName    = "+2 points after a healthy hour"
)

// three sets a bar per request rate: 5, 50, 500.
func three(limits ...float64) []bar {
	return []bar{{5, limits[0]}, {50, limits[1]}, {500, limits[2]}}
}

func gateOf(require, rollback string) []judge.GateConfig {
	return []judge.GateConfig{{Name: "gate", Require: require, RollbackWhen: rollback}}
}

// healthy is the world of the tables: 10 % weight, base error 0.5 %, 2 h.
func healthy(rollback string) world {
	return world{
		gates: gateOf("", rollback), alpha: 0.05, length: 2 * hour, steps: []float64{0.10}, until: judge.Fail,
		base: constant(baseRate), cand: constant(baseRate), share: constant(1),
	}
}

func failing(rollback string, points float64) world {
	w := healthy(rollback)
	w.cand = constant(baseRate + points)
	return w
}

func showing(margin string, points float64, length time.Duration) world {
	w := failing("", points)
	w.gates = gateOf("error_rate <= baseline + "+margin, "")
	w.until, w.length = judge.Pass, length
	return w
}

func with(w world, change func(*world)) world {
	change(&w)
	return w
}

// clean is a baseline that never failed in 10⁶ requests beside a candidate that
// fails 5 %.
func clean() world {
	return with(healthy(marginText), func(w *world) {
		w.alpha, w.base, w.cand, w.history, w.clean = 0.01, constant(0), constant(0.05), 1e6, true
	})
}

// promised are the rows that the project is judged by; all through the recorder.
func promised() table {
	recorder := func(name string, runs int, w world) scenario {
		w.record = true
		return scenario{name + " (recorder)", runs, w}
	}
	at50 := func(limit float64) []bar { return []bar{{50, limit}} }
	return table{title: "What is promised", intro: promisedIntro, rows: []row{
		{recorder("healthy candidate rolled back, α = 5 %", 1000, healthy(guardText)), shareBound, at50(.05)},
		{recorder("+20 points of errors: seconds to roll back", someRuns, failing(guardText, .20)), median, at50(5)},
		{recorder("no error in 10⁶ baseline requests, candidate fails 5 % (limit 0.2 points, α = 1 %)", someRuns, clean()), late, at50(40)},
		{recorder("SAFE of an equal candidate at 1 point: seconds", someRuns, showing("1%", 0, 4*hour)), median, at50(180)},
	}}
}

// tables are all others.
func tables() []table {
	return []table{healthyTable(), badTable(), floorTable(), safeTable(), marginTable(), lateTable()}
}

// floorTable reads runs of badTable again.
func floorTable() table {
	return table{title: "How far from the floor", intro: floorIntro, rows: []row{
		{scenario{twoPoints, manyRuns, failing(guardText, .02)}, overFloor, []bar{{5, 1.7}, {50, 1.75}}},
		{scenario{"+0.5 points of errors", manyRuns, failing(guardText, .005)}, overFloor, []bar{{50, 1.75}, {500, 1.85}}},
	}}
}

func safeTable() table {
	return table{title: "Showing that a candidate is safe", intro: safeIntro, floor: true, rows: []row{
		{scenario{"SAFE of an equal candidate, `error_rate <= baseline + 1%`", manyRuns, showing("1%", 0, 4*hour)}, median, three(1700, 180, 20)},
		{scenario{"false pass, exactly on the boundary of 1 point, β = 5 %", manyRuns, showing("1%", .01, 2*hour)}, share, three(.05, .05, .05)},
	}}
}

func marginTable() table {
	late1 := with(healthy(marginText), func(w *world) { w.bad, w.cand = hour, after(hour, baseRate, baseRate+.02) })
	return table{title: "The same with a margin of 0.2 points", intro: marginIntro, floor: true, peers: true, rows: []row{
		{scenario{"healthy, margin", manyRuns, healthy(marginText)}, share, three(.05, .05, .05)},
		{scenario{boundaryName, manyRuns, failing(marginText, .002)}, share, three(.05, .05, .05)},
		{scenario{twoPoints + ", margin", manyRuns, failing(marginText, .02)}, median, three(0, 79, 9)},
		{scenario{twoPoints + ", margin", manyRuns, failing(marginText, .02)}, overFloor, []bar{{5, 0}, {50, 0}}},
		{scenario{"+20 points of errors, margin", someRuns, failing(marginText, .20)}, median, three(0, 0, 0)},
		{scenario{lateName + ", margin", someRuns, late1}, median, []bar{{50, 0}}},
		{scenario{"no error in 10⁶ baseline requests, candidate fails 5 %, α = 1 %", someRuns, clean()}, late, three(0, 40, 0)},
		{scenario{"SAFE of an equal candidate, `error_rate <= baseline + 0.2%`", manyRuns, showing("0.2%", 0, 4*hour)}, median, []bar{{50, 2450}, {500, 260}}},
		{scenario{"false pass, exactly on the boundary of 0.2 points, β = 5 %", manyRuns, showing("0.2%", .002, 2*hour)}, share, three(.05, .05, .05)},
	}}
}
