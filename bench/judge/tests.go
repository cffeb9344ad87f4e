package main

import (
	"math"
	"slices"

	"github.com/headgate/headgate/internal/kpi"
)

const (
	zLimit = 1.6448536269514722 // one-sided 5 %
	uLimit = 2.3263478740408408 // one side of a 98 % interval, the confidence of Kayenta's judge
	// leastPoints: a rank test of fewer minutes is not asked. Spinnaker's
	// documentation wants fifty.
	leastPoints = 10
)

// zTest compares everything since the start, each minute at 5 % as if it were
// the only look: two proportions, two means or two AUCs.
type zTest struct {
	of    evidence
	total minute
}

func (z *zTest) minute(m *minute) bool {
	for arm := range m {
		z.total[arm].take(&m[arm])
	}
	b, c := &z.total[kpi.Baseline], &z.total[kpi.Candidate]
	switch z.of {
	case ofLatency:
		return means(b, c) > zLimit
	case ofScores:
		return areas(b, c) > zLimit
	case ofErrors, ofClicks:
	}
	return proportions(b, c) > zLimit
}

// take adds a minute.
func (w *window) take(m *window) {
	w.n += m.n
	w.failures += m.failures
	w.sum += m.sum
	w.squares += m.squares
	for class, bins := range m.score {
		if w.score[class] == nil {
			w.score[class] = make([]float64, len(bins))
		}
		for i, n := range bins {
			w.score[class][i] += n
		}
	}
}

// proportions is the pooled z of the failure rates, candidate less baseline.
func proportions(b, c *window) float64 {
	p := (b.failures + c.failures) / (b.n + c.n)
	se := math.Sqrt(p * (1 - p) * (1/b.n + 1/c.n))
	if !(se > 0) {
		return 0
	}
	return (c.failures/c.n - b.failures/b.n) / se
}

// means is Welch's z of the latencies.
func means(b, c *window) float64 {
	mean, variance := b.latency()
	mean2, variance2 := c.latency()
	se := math.Sqrt(variance/(b.n-b.failures) + variance2/(c.n-c.failures))
	if !(se > 0) {
		return 0
	}
	return (mean2 - mean) / se
}

func (w *window) latency() (mean, variance float64) {
	n := w.n - w.failures
	mean = w.sum / n
	return mean, w.squares/n - mean*mean
}

// areas is the z of two AUCs, baseline less candidate, with the standard errors
// of Hanley and McNeil (1982).
func areas(b, c *window) float64 {
	area, variance := b.area()
	area2, variance2 := c.area()
	se := math.Sqrt(variance + variance2)
	if !(se > 0) {
		return 0
	}
	return (area - area2) / se
}

// area under the ROC curve, scores of one bin tied; NaN without both classes.
func (w *window) area() (auc, variance float64) {
	var below, won, np float64
	for i, n := range w.score[0] {
		p := w.score[1][i]
		won += p * (below + n/2)
		below += n
		np += p
	}
	auc = won / (np * below)
	q1, q2 := auc/(2-auc), 2*auc*auc/(1+auc)
	return auc, (auc*(1-auc) + (np-1)*(q1-auc*auc) + (below-1)*(q2-auc*auc)) / (np * below)
}

// mannWhitney ranks the minutes of both arms against each other, as Kayenta's
// judge ranks the points of two time series: error rates, mean latencies, rates
// of no click, or 1 − AUC. One looks after every minute.
type mannWhitney struct {
	of     evidence
	points [2][]float64 // sorted
}

func (w *mannWhitney) minute(m *minute) bool {
	for arm := range m {
		point := w.point(&m[arm])
		if math.IsNaN(point) {
			continue // nothing in this minute
		}
		at, _ := slices.BinarySearch(w.points[arm], point)
		w.points[arm] = slices.Insert(w.points[arm], at, point)
	}
	b, c := w.points[kpi.Baseline], w.points[kpi.Candidate]
	return min(len(b), len(c)) >= leastPoints && rankZ(b, c) > uLimit
}

// point is the arm's minute as one value, more is worse.
func (w *mannWhitney) point(m *window) float64 {
	switch w.of {
	case ofLatency:
		mean, _ := m.latency()
		return mean
	case ofScores:
		auc, _ := m.area()
		return 1 - auc
	case ofErrors, ofClicks:
	}
	return m.failures / m.n
}

// rankZ is the standardised Mann-Whitney U of c over b, both sorted, with the
// corrections for ties and for continuity.
func rankZ(b, c []float64) float64 {
	nb, nc := float64(len(b)), float64(len(c))
	var u, ties float64
	for i, j := 0, 0; j < len(c); {
		v := c[j]
		for i < len(b) && b[i] < v {
			i++
		}
		equalB, equalC := opening(b[i:], v), opening(c[j:], v)
		u += float64(equalC) * (float64(i) + float64(equalB)/2)
		t := float64(equalB + equalC)
		ties += t*t*t - t
		j += equalC
	}
	ties += ownTies(b, c)
	n := nb + nc
	variance := nb * nc / 12 * (n + 1 - ties/(n*(n-1)))
	if variance <= 0 {
		return 0
	}
	return (u - nb*nc/2 - .5) / math.Sqrt(variance)
}

// opening counts how often v opens the sorted values.
func opening(values []float64, v float64) int {
	n := 0
	for n < len(values) && values[n] == v {
		n++
	}
	return n
}

// ownTies are the tie terms of values that only b has.
func ownTies(b, c []float64) float64 {
	sum := 0.0
	for i := 0; i < len(b); {
		t := opening(b[i:], b[i])
		if _, both := slices.BinarySearch(c, b[i]); !both {
			sum += float64(t*t*t - t)
		}
		i += t
	}
	return sum
}
