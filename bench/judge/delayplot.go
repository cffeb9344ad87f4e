package main

import (
	"fmt"
	"math"
	"sort"
)

const plotRate = 50 // requests/s of both plots

// delayPicture shows which share of the rollouts each rule has taken back by
// when: of a bad candidate and of a healthy one.
func delayPicture(l *lab) ([]byte, error) {
	d := newDrawing(940, 440, "share of rollouts taken back over time, of a bad and of a healthy candidate, by Headgate and by other rules")
	bad, healthy := scenario{twoPoints, manyRuns, failing(guardText, .02)}, scenario{healthyName, manyRuns, healthy(guardText)}
	for i, s := range []scenario{bad, healthy} {
		out, err := l.outcomes(s, plotRate, true)
		if err != nil {
			return nil, err
		}
		f := frame{left: 64 + 460*float64(i), top: 40, width: 396, height: 280, x: logTime, y: linear(0, 1)}
		title := []string{"a bad candidate: 2.5 % errors instead of 0.5 %", "a healthy candidate: 0.5 % errors on both arms"}[i]
		d.axes(f, title, "time since the start (logarithmic)", timeLabels(), shareLabels())
		for rule := range out[0] {
			d.line(fmt.Sprintf("line c%d", rule), f.taken(tallyOf(out, rule))...)
		}
		f.remark(d, s.world.at(plotRate), i == 0)
	}
	d.up(16, 180, "share of rollouts taken back")
	names := []string{"Headgate"}
	for _, p := range peers() {
		names = append(names, p.name)
	}
	for i, name := range names {
		x, y := 64+float64(i%4)*220, 396+float64(i/4)*22
		d.line(fmt.Sprintf("line c%d", i), x, y-4, x+34, y-4)
		d.text(x+42, y, "start", "", name)
	}
	return d.end(), nil
}

// remark draws the floor beside a bad candidate and α beside a healthy one.
func (f frame) remark(d *drawing, w world, bad bool) {
	if !bad {
		_, y := f.at(1, .05)
		d.line("mark", f.left, y, f.left+f.width, y)
		d.text(f.left+8, y-6, "start", "small", "promised: at most α = 5 %")
		return
	}
	floor := w.floor(.05)
	x, _ := f.at(floor, 0)
	d.line("mark", x, f.top, x, f.top+f.height)
	d.text(x-6, f.top+16, "end", "small", fmt.Sprintf("floor of the mean: %s s", clock(floor)))
}

func logTime(seconds float64) float64 { return math.Log(seconds) / math.Log(7200) }

func timeLabels() []label {
	return []label{{1, "1 s"}, {10, "10 s"}, {60, "1 min"}, {300, "5 min"}, {1800, "30 min"}, {7200, "2 h"}}
}

func shareLabels() []label {
	var out []label
	for v := 0; v <= 100; v += 20 {
		out = append(out, label{float64(v) / 100, fmt.Sprintf("%d %%", v)})
	}
	return out
}

// taken is the curve of one rule: a point where the share changes, at most one
// per pixel.
func (f frame) taken(t tally) []float64 {
	x, y := f.at(1, 0)
	points := []float64{x, y}
	for px := 0.0; px <= f.width; px++ {
		seconds := math.Pow(7200, px/f.width)
		n := sort.SearchFloat64s(t.delays, seconds+1e-6)
		_, next := f.at(seconds, float64(n)/float64(t.runs))
		if next != y {
			points = append(points, f.left+px, y, f.left+px, next)
			y = next
		}
	}
	return append(points, f.left+f.width, y)
}
