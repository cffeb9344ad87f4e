package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

const samplePaths = 5

// panelOf is one world of the plot of evidence, from its start to its end.
type panelOf struct {
	title      string
	world      world
	from, to   time.Duration
	unit       string
	per        time.Duration // of one unit
	every      time.Duration // between two points
	step, mark float64       // between two labels; where it turns bad, 0: at the start or never
}

func evidencePanels() []panelOf {
	bad := with(healthy(guardText), func(w *world) { w.bad, w.cand = hour, after(hour, baseRate, baseRate+.02) })
	return []panelOf{
		{"healthy", healthy(guardText), 0, 2 * hour, "minutes", time.Minute, 20 * time.Second, 30, 0},
		{"+2 points at once", failing(guardText, .02), 0, 150 * time.Second, "seconds", time.Second, time.Second, 30, 0},
		{"+2 points after a healthy hour", bad, 56 * time.Minute, 66 * time.Minute, "minutes", time.Minute, 2 * time.Second, 2, 60},
	}
}

// evidencePicture shows ln E over ln(1/α) of a few rollouts: 1 rolls back.
func evidencePicture(seed uint64) ([]byte, error) {
	d := newDrawing(940, 360, "evidence over time of five rollouts each: healthy, bad from the start, bad after an hour")
	const low, high = -.8, 1.4
	for i, p := range evidencePanels() {
		f := frame{left: 64 + 300*float64(i), top: 40, width: 252, height: 260, y: linear(low, high)}
		f.x = linear(p.from.Seconds()/p.per.Seconds(), p.to.Seconds()/p.per.Seconds())
		d.axes(f, p.title, p.unit+" since the start", p.labels(), []label{{-.8, "−0.8"}, {-.4, "−0.4"}, {0, "0"}, {.4, "0.4"}, {.8, "0.8"}})
		_, y := f.at(0, 1)
		d.line("mark", f.left, y, f.left+f.width, y)
		d.text(f.left-6, y+4, "end", "small", "1")
		d.text(f.left+f.width-4, f.top+12, "end", "small", "from 1 on: rolled back")
		if p.mark > 0 {
			x, _ := f.at(p.mark, 0)
			d.line("mark", x, f.top, x, f.top+f.height)
			d.text(x+6, f.top+f.height-8, "start", "small", "turns bad")
		}
		for path := range samplePaths {
			if err := p.draw(d, f, path, rand.New(rand.NewPCG(seed, uint64(100*i+path))), low, high); err != nil {
				return nil, err
			}
		}
	}
	d.up(16, 170, "evidence: ln E ÷ ln(1/α)")
	return d.end(), nil
}

func (p panelOf) labels() []label {
	var out []label
	for v := p.from.Seconds() / p.per.Seconds(); v <= p.to.Seconds()/p.per.Seconds(); v += p.step {
		out = append(out, label{v, fmt.Sprintf("%g", v)})
	}
	return out
}

// draw runs one rollout and draws its evidence, with a dot where it is rolled
// back.
func (p panelOf) draw(d *drawing, f frame, path int, r *rand.Rand, low, high float64) error {
	s := newSetting(p.world.at(plotRate), false)
	run, err := s.rollout(r)
	if err != nil {
		return err
	}
	var points []float64
	due := p.from
	for now := time.Duration(0); now < p.to && !run.over(); {
		now = run.advance(now)
		if now < due && !run.over() {
			continue
		}
		due = now + p.every
		x, y := f.at(now.Seconds()/p.per.Seconds(), min(max(run.evidence(), low), high-.2))
		points = append(points, x, y)
	}
	d.line(fmt.Sprintf("path c%d", path), points...)
	if run.over() {
		d.dot(points[len(points)-2], points[len(points)-1], fmt.Sprintf("d%d", path))
	}
	return nil
}

// evidence is ln E over the logarithm of its limit, of the only gate.
func (run *rollout) evidence() float64 {
	e := run.judge.Judgement().Gates[0].Fail
	return math.Log(e.E) / math.Log(e.Limit)
}
