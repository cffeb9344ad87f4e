package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// cell is one measured number beside its bar.
type cell struct {
	text  string
	value float64
	met   bool
}

// runAll simulates the runs of one world on all cores; the result does not
// depend on their number.
func runAll(w world, runs int, seed, row uint64) ([]outcome, error) {
	out := make([]outcome, runs)
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < runs && errs[worker] == nil; i += workers {
				out[i], errs[worker] = simulate(w, rand.New(rand.NewPCG(seed, row<<32+uint64(i))))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// evaluate reduces the runs of a row at one rate and holds them against the bar.
func (r row) evaluate(out []outcome, b bar) cell {
	n := len(out)
	times, hit, failed, sum := make([]float64, n), 0, make([]float64, n), 0.0
	for i, o := range out {
		times[i], failed[i] = o.after, float64(o.failed)
		sum += o.after
		if o.hit {
			hit++
		}
	}
	slices.Sort(times)
	slices.Sort(failed)
	c := cell{}
	switch r.measure {
	case hits, hitsBound:
		c.value = float64(hit) / float64(n)
		upper := clopperPearson(hit, n)
		c.text = fmt.Sprintf("%.2f %% (95 %% bound %.2f %%)", 100*c.value, 100*upper)
		if r.measure == hitsBound {
			c.met = upper <= b.limit
		} else {
			c.met = c.value <= b.limit+2*math.Sqrt(b.limit*(1-b.limit)/float64(n))
		}
		return c
	case median:
		c.value = times[n/2]
		c.text = fmt.Sprintf("%s (%.0f)", clock(c.value), failed[n/2])
	case percentile95:
		c.value = times[int(math.Ceil(.95*float64(n)))-1]
		c.text = fmt.Sprintf("%s (%.0f)", clock(c.value), failed[n/2])
	case overFloor:
		scale := r.floor / b.rate
		c.value = sum / float64(n) / scale
		noise := stat.StdErr(stat.StdDev(times, nil), float64(n)) / scale
		c.text = fmt.Sprintf("%.2f ± %.2f", c.value, noise)
		c.met = c.value <= b.limit+2*noise
		return c
	}
	c.met = c.value <= b.limit
	return c
}

// print writes the rows whose name contains only, each when it is done, and
// returns how many bars were missed.
func print(out io.Writer, title string, rows []row, only string, runs func(int) int, seed uint64) (missed int, err error) {
	text := fmt.Sprintf("## %s\n\n| | runs | requests/s | measured | bar | |\n|---|---|---|---|---|---|\n", title)
	for i, r := range rows {
		for _, b := range r.bars {
			if !strings.Contains(r.name, only) {
				continue
			}
			n := runs(r.runs)
			results, err := runAll(r.at(b.rate), n, seed, uint64(i)<<16+uint64(b.rate))
			if err != nil {
				return missed, fmt.Errorf("%s: %w", r.name, err)
			}
			c := r.evaluate(results, b)
			mark := "met"
			if b.limit == 0 {
				mark = ""
			} else if !c.met {
				mark = "**missed**"
				missed++
			}
			text += fmt.Sprintf("| %s%s | %d | %g | %s | %s | %s |\n", r.name, r.via(), n, b.rate, c.text, r.limit(b), mark)
			if _, err := io.WriteString(out, text); err != nil {
				return missed, fmt.Errorf("print the table: %w", err)
			}
			text = ""
		}
	}
	_, err = io.WriteString(out, text+"\n")
	return missed, err
}

func (r row) via() string {
	if r.world.record {
		return " (recorder)"
	}
	return ""
}

func (r row) limit(b bar) string {
	switch {
	case b.limit == 0:
		return "shown"
	case r.measure == hits, r.measure == hitsBound:
		return fmt.Sprintf("≤ %g %%", 100*b.limit)
	}
	return fmt.Sprintf("≤ %g", b.limit)
}

func clock(seconds float64) string {
	if math.IsInf(seconds, 1) {
		return "never"
	}
	return fmt.Sprintf("%.4g", seconds)
}

// clopperPearson is the one-sided 95 % upper bound of a share.
func clopperPearson(hit, n int) float64 {
	if hit == n {
		return 1
	}
	return distuv.Beta{Alpha: float64(hit + 1), Beta: float64(n - hit)}.Quantile(.95)
}
