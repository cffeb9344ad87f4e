package sequential

import (
	"math"
	"math/rand/v2"
	"testing"
)

// deLong is the definition on raw scores, pair by pair.
func deLong(pos, neg []int) (auc, se float64) {
	psi := func(x, y int) float64 {
		switch {
		case x > y:
			return 1
		case x == y:
			return .5
		}
		return 0
	}
	m, n := float64(len(pos)), float64(len(neg))
	v10, v01 := make([]float64, len(pos)), make([]float64, len(neg))
	for i, x := range pos {
		for j, y := range neg {
			v10[i] += psi(x, y) / n
			v01[j] += psi(x, y) / m
			auc += psi(x, y) / (m * n)
		}
	}
	var s10, s01 float64
	for _, v := range v10 {
		s10 += (v - auc) * (v - auc) / (m - 1)
	}
	for _, v := range v01 {
		s01 += (v - auc) * (v - auc) / (n - 1)
	}
	return auc, math.Sqrt(s10/m + s01/n)
}

func binned(scores []int, bins int) Histogram {
	h := make(Histogram, bins)
	for _, s := range scores {
		h[s]++
	}
	return h
}

func TestAUCIsDeLongs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ m, n, bins, shift int }{{60, 200, 256, 40}, {300, 80, 256, 120}, {100, 100, 5, 1}, {51, 52, 2, 0}} {
		var pos, neg []int
		for range c.m {
			pos = append(pos, min(c.bins-1, r.IntN(c.bins)+c.shift))
		}
		for range c.n {
			neg = append(neg, r.IntN(c.bins))
		}
		a := NewAUC(binned(pos, c.bins), binned(neg, c.bins))
		value, se := deLong(pos, neg)
		near(t, "AUC", a.Value, value, 1e-12)
		near(t, "SE", a.SE, se, 1e-12)
		if !a.Enough() || a.Positives != float64(c.m) || a.Negatives != float64(c.n) {
			t.Errorf("%+v", a)
		}
		flipped := NewAUC(binned(neg, c.bins), binned(pos, c.bins))
		near(t, "classes swapped", flipped.Value, 1-value, 1e-12)
		near(t, "SE, classes swapped", flipped.SE, se, 1e-12)
	}
}

func TestAUCOfFewOrCertain(t *testing.T) {
	for _, c := range []struct {
		name     string
		pos, neg Histogram
		enough   bool
	}{
		{"nothing", nil, nil, false},
		{"one class", Histogram{1, 900}, Histogram{0, 0}, false},
		{"49 positives", Histogram{0, 49}, Histogram{500, 0}, false},
		{"apart", Histogram{0, 50}, Histogram{50, 0}, true},
		{"different lengths", Histogram{0, 30, 30}, Histogram{70}, true},
		{"no numbers", Histogram{math.NaN(), math.Inf(-1)}, Histogram{50, 0}, false},
	} {
		a := NewAUC(c.pos, c.neg)
		if a.Enough() != c.enough || !finite(a.Value) || !finite(a.SE) {
			t.Errorf("%s: %+v", c.name, a)
		}
		if !c.enough && a.Estimate().Beyond(.5, .05, true) != 0 {
			t.Errorf("%s: speaks", c.name)
		}
	}
	// 50 of each without one mix-up are no proof of 0.95, 5,000 are.
	if e := NewAUC(Histogram{0, 50}, Histogram{50, 0}).Estimate().Beyond(.95, .05, true); e > math.Log(20) {
		t.Errorf("50 of each show AUC > 0.95 with ln E %v", e)
	}
	if e := NewAUC(Histogram{0, 5000}, Histogram{5000, 0}).Estimate().Beyond(.95, .05, true); e < math.Log(20) {
		t.Errorf("5,000 of each show AUC > 0.95 with ln E %v only", e)
	}
}
