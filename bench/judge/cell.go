package main

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// tally is what one rule did over the runs of a scenario.
type tally struct {
	runs, hits, early int
	delays            []float64 // sorted, of the runs not ended early; +Inf: never
	failed            []int     // sorted, of the runs that were ended in time
}

// tallyOf counts rule number i: 0 is ours.
func tallyOf(out []outcome, i int) tally {
	t := tally{runs: len(out)}
	for _, o := range out {
		d := o[i]
		switch {
		case !d.hit:
			t.delays = append(t.delays, math.Inf(1))
		case d.after <= 0:
			t.hits++
			t.early++
		default:
			t.hits++
			t.delays = append(t.delays, d.after)
			t.failed = append(t.failed, d.failed)
		}
	}
	slices.Sort(t.delays)
	slices.Sort(t.failed)
	return t
}

func (t tally) share() float64 { return float64(t.hits) / float64(t.runs) }

// quantile of the delay; NaN without one.
func (t tally) quantile(q float64) float64 {
	if len(t.delays) == 0 {
		return math.NaN()
	}
	return t.delays[int(math.Ceil(q*float64(len(t.delays))))-1]
}

// value is what is held against the bar, text how it is printed, grace how far
// above the bar noise may carry it.
func (t tally) value(m measure, floor, limit float64) (value, grace float64, text string) {
	n := float64(t.runs)
	switch m {
	case share:
		return t.share(), 2 * math.Sqrt(limit*(1-limit)/n), t.shareText(true)
	case shareBound:
		return clopperPearson(t.hits, t.runs), 0, t.shareText(true)
	case late:
		return t.quantile(.95), t.grace(.95), t.delayText()
	case overFloor:
		noise := stat.StdErr(stat.StdDev(t.delays, nil), float64(len(t.delays))) / floor
		value = stat.Mean(t.delays, nil) / floor
		return value, 2 * noise, fmt.Sprintf("%.2f ± %.2f", value, noise)
	case median:
	}
	return t.quantile(.5), t.grace(.5), t.delayText()
}

// grace is how far two standard errors of a quantile's rank reach below it: no
// distribution is assumed. None where the quantile was not reached.
func (t tally) grace(q float64) float64 {
	n, at := float64(len(t.delays)), t.quantile(q)
	if n == 0 || math.IsInf(at, 1) {
		return 0
	}
	rank := int(math.Ceil(q*n)) - 1 - int(2*math.Sqrt(n*q*(1-q)))
	return at - t.delays[max(0, rank)]
}

func (t tally) shareText(bound bool) string {
	text := fmt.Sprintf("%.2f %%", 100*t.share())
	if bound {
		text += fmt.Sprintf(" (< %.2f %%)", 100*clopperPearson(t.hits, t.runs))
	}
	return text
}

// delayText is median, range from the 5th to the 95th percentile, failed
// requests, and what the quantiles do not say.
func (t tally) delayText() string {
	found := float64(t.hits-t.early) / float64(max(1, t.runs-t.early))
	text := "never"
	switch middle := t.quantile(.5); {
	case t.early == t.runs:
		text = "none left"
	case !math.IsInf(middle, 1):
		text = fmt.Sprintf("%s [%s–%s]", clock(middle), clock(t.quantile(.05)), clock(t.quantile(.95)))
		if n := len(t.failed); t.failed[n-1] > 0 { // else no request fails in this world
			text += fmt.Sprintf(" (%d)", t.failed[(n-1)/2])
		}
	}
	if found < 1 && found > 0 {
		text += fmt.Sprintf(", found in %s", percent(found))
	}
	if t.early > 0 {
		text += fmt.Sprintf(", %s before", percent(float64(t.early)/float64(t.runs)))
	}
	return text
}

func percent(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }

func clock(seconds float64) string {
	if math.IsInf(seconds, 1) {
		return "∞"
	}
	if seconds >= 1000 {
		return fmt.Sprintf("%.0f", seconds)
	}
	return fmt.Sprintf("%.3g", seconds)
}

// clopperPearson is the one-sided 95 % upper bound of a share.
func clopperPearson(hit, n int) float64 {
	if hit == n {
		return 1
	}
	return distuv.Beta{Alpha: float64(hit + 1), Beta: float64(n - hit)}.Quantile(.95)
}
