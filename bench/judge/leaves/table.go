package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// printer keeps the first error of writing.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) print(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

// boundary prints how often each world ever crosses, and counts the shares whose
// upper bound is above α.
func (p *printer) boundary(worlds []world, runs int, seed uint64, only string) (missed int) {
	p.print("On the boundary, a look every %d candidate samples up to %d, %d runs: share of runs that ever cross (95 %% upper bound)\n\n",
		perLook, length, runs)
	p.print("| | above, α = 5 %% | above, α = 1 %% | below, α = 5 %% | below, α = 1 %% |\n|---|---|---|---|---|\n")
	for _, w := range worlds {
		if !strings.Contains(w.name, only) {
			continue
		}
		// The row nearest to its α needs more runs to be told from it.
		runs := runs
		if w.near {
			runs *= 2
		}
		results := runAll(w, runs, length, seed)
		p.print("| %s |", w.name)
		for side := range 2 {
			for i, alpha := range alphas {
				if side == 1 && w.sides == "above" {
					p.print(" |")
					continue
				}
				hits := crossed(results, side, i)
				bound := clopperPearson(hits, runs)
				mark := ""
				if bound > alpha {
					mark, missed = " **missed**", missed+1
				}
				p.print(" %.2f %% (%.2f)%s |", 100*float64(hits)/float64(runs), 100*bound, mark)
			}
		}
		p.print("\n")
	}
	return missed
}

// power prints the samples that it takes to see what is beyond the limit.
func (p *printer) power(worlds []world, runs int, seed uint64, only string) {
	p.print("\nBeyond the limit, 10 %% weight, %d runs: candidate samples until evidence crosses, median (90th percentile)\n\n", runs)
	p.print("| | α = 5 %% | α = 1 %% |\n|---|---|---|\n")
	for _, w := range worlds {
		if !strings.Contains(w.name, only) {
			continue
		}
		results := runAll(w, runs, 5*length, seed)
		side := 0
		if w.sides == "below" {
			side = 1
		}
		p.print("| %s |", w.name)
		for i := range alphas {
			p.print(" %s (%s) |", samples(results, side, i, .5), samples(results, side, i, .9))
		}
		p.print("\n")
	}
}

func crossed(results []first, side, alpha int) (hits int) {
	for _, f := range results {
		if !math.IsInf(f[side][alpha], 1) {
			hits++
		}
	}
	return hits
}

func samples(results []first, side, alpha int, q float64) string {
	var at []float64
	for _, f := range results {
		at = append(at, f[side][alpha])
	}
	slices.Sort(at)
	if v := at[min(len(at)-1, int(q*float64(len(at))))]; !math.IsInf(v, 1) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("> %d", 5*length)
}

// clopperPearson is the one-sided 95 % upper bound of a share.
func clopperPearson(hits, n int) float64 {
	if hits >= n {
		return 1
	}
	low, high := 0.0, 1.0
	for range 60 {
		p := (low + high) / 2
		tail := 0.0
		for k := range hits + 1 {
			tail += math.Exp(choose(n, k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
		}
		if tail > 0.05 {
			low = p
		} else {
			high = p
		}
	}
	return high
}

func choose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
