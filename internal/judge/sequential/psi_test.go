package sequential

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
)

func drawn(r *rand.Rand, n int, p []float64) Histogram {
	h := make(Histogram, len(p))
	for range n {
		u := r.Float64()
		i := 0
		for ; i < len(p)-1 && u >= p[i]; i++ {
			u -= p[i]
		}
		h[i]++
	}
	return h
}

func evenly(cells int) []float64 {
	p := make([]float64, cells)
	for i := range p {
		p[i] = 1 / float64(cells)
	}
	return p
}

// raw is the index as it is usually computed.
func raw(c, b Histogram) (psi float64) {
	p, _ := shares(c)
	q, _ := shares(b)
	for i := range p {
		psi += (p[i] - q[i]) * math.Log(p[i]/q[i])
	}
	return psi
}

// The raw index calls equal arms different: two samples of 100 in ten groups
// exceed 0.1 in 5 of 6 cases, in six groups, or against a baseline of 900, in 2
// of 5. The corrected one is centred on 0.
func TestRawPSIExceedsByChance(t *testing.T) {
	for _, c := range []struct {
		cells, nb int
		exceeds   float64
	}{{10, 100, .84}, {6, 100, .42}, {10, 900, .47}} {
		r := rand.New(rand.NewPCG(1, 1))
		var over, taken float64
		var values, ses []float64
		for range 4000 {
			a, b := drawn(r, 100, evenly(c.cells)), drawn(r, c.nb, evenly(c.cells))
			if slices.Contains(a, 0) || slices.Contains(b, 0) {
				continue
			}
			taken++
			if raw(a, b) > .1 {
				over++
			}
			v, se := PSI(a, b)
			values, ses = append(values, v), append(ses, se)
		}
		near(t, "raw above 0.1", over/taken, c.exceeds, .03)
		mean, sd := stat.MeanStdDev(values, nil)
		near(t, "corrected", mean, 0, .012)
		if ratio := stat.Mean(ses, nil) / sd; ratio < 1 || ratio > 3 { // raised by about 1 + 1.6
			t.Errorf("%d cells: SE %v of the spread", c.cells, ratio)
		}
	}
}

func TestPSIOfDifferentArms(t *testing.T) {
	p := []float64{.05, .05, .1, .1, .1, .1, .1, .1, .1, .2}
	truth := 0.0
	for _, x := range p {
		truth += (x - .1) * math.Log(x/.1)
	}
	r := rand.New(rand.NewPCG(2, 2))
	var values, ses []float64
	for range 2000 {
		v, se := PSI(drawn(r, 2000, p), drawn(r, 4000, evenly(10)))
		values, ses = append(values, v), append(ses, se)
	}
	mean, sd := stat.MeanStdDev(values, nil)
	near(t, "PSI", mean, truth, .002)
	near(t, "SE against the spread", stat.Mean(ses, nil)/sd, 1.15, .15)
}

func TestPSIOfEmptyCells(t *testing.T) {
	for _, c := range []struct {
		name string
		c, b Histogram
		zero bool
	}{
		{"nothing", nil, nil, true},
		{"one arm", Histogram{5, 5}, nil, true},
		{"one cell", Histogram{0, 50}, Histogram{0, 70}, true},
		{"apart", Histogram{0, 50}, Histogram{70, 0}, false},
		{"a new category", Histogram{50, 50, 9}, Histogram{70, 70}, false},
	} {
		v, se := PSI(c.c, c.b)
		if !finite(v) || !finite(se) || (se == 0) != c.zero {
			t.Errorf("%s: %v ± %v", c.name, v, se)
		}
		if w, s := PSI(c.b, c.c); math.Abs(w-v) > 1e-12 || math.Abs(s-se) > 1e-12 {
			t.Errorf("%s: swapped %v ± %v", c.name, w, s)
		}
	}
	withEmpty, _ := PSI(Histogram{30, 0, 70, 0}, Histogram{40, 0, 60, 0})
	without, _ := PSI(Histogram{30, 70}, Histogram{40, 60})
	near(t, "cells empty in both", withEmpty, without, 0)
}

func TestDeciles(t *testing.T) {
	even := make(Histogram, 256)
	for i := range even {
		even[i] = 3
	}
	for _, g := range Group(even, Deciles(even)) {
		near(t, "a group of an even histogram", g, 76.8, 3)
	}
	if n := len(Deciles(even)); n != 9 {
		t.Errorf("%d edges", n)
	}
	for _, c := range []struct {
		name string
		h    Histogram
		want []int
	}{
		{"nothing", nil, nil},
		{"zeros", Histogram{0, 0, 0}, nil},
		{"one value", Histogram{0, 0, 9, 0}, []int{2, 3}},
		{"the first", Histogram{9, 0, 0}, []int{1}},
		{"the last", Histogram{0, 0, 9}, []int{2}},
		{"three categories", Histogram{50, 30, 20}, []int{1, 2}},
		{"a heavy one", Histogram{1, 1, 98, 0, 0}, []int{2, 3}},
	} {
		if got := Deciles(c.h); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestGroup(t *testing.T) {
	h := Histogram{1, 2, 3, 4, -5}
	for _, c := range []struct {
		edges []int
		want  Histogram
	}{
		{nil, Histogram{10}}, {[]int{2}, Histogram{3, 7}}, {[]int{3, 1}, Histogram{1, 5, 4}},
		{[]int{-1, 9}, Histogram{0, 10, 0}}, {[]int{2, 2}, Histogram{3, 0, 7}},
	} {
		if got := Group(h, c.edges); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.edges, got, c.want)
		}
	}
}
