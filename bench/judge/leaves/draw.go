package main

import (
	"math"
	"math/rand/v2"
)

// alias draws from a discrete distribution in constant time (Walker 1977).
type alias struct {
	accept []float64
	other  []int
}

func newAlias(p []float64) alias {
	n := len(p)
	a := alias{make([]float64, n), make([]int, n)}
	var sum float64
	for _, x := range p {
		sum += x
	}
	var small, large []int
	for i, x := range p {
		a.accept[i], a.other[i] = x/sum*float64(n), i
		if a.accept[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.other[s] = l
		a.accept[l] -= 1 - a.accept[s]
		if a.accept[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return a
}

func (a alias) draw(r *rand.Rand) int {
	i := r.IntN(len(a.accept))
	if r.Float64() < a.accept[i] {
		return i
	}
	return a.other[i]
}

// bins of a score.
const bins = 256

// bell is a normal score squeezed into (0, 1) by the logistic function, binned.
func bell(mean, sigma float64) []float64 {
	p := make([]float64, bins)
	below := 0.0
	for i := range p {
		upTo := 1.0
		if i < bins-1 {
			edge := float64(i+1) / bins
			upTo = math.Erfc((mean-math.Log(edge/(1-edge)))/sigma/math.Sqrt2) / 2
		}
		p[i], below = upTo-below, upTo
	}
	return p
}

// scored is a model that is asked about labelled cases.
type scored struct {
	positive float64 // share of positives
	by       [2]alias
	pmf      [2][]float64
}

func newScored(positive float64, neg, pos []float64) scored {
	return scored{positive, [2]alias{newAlias(neg), newAlias(pos)}, [2][]float64{neg, pos}}
}

func (s scored) draw(r *rand.Rand, into *[2][]float64, n int) {
	for range n {
		label := 0
		if r.Float64() < s.positive {
			label = 1
		}
		into[label][s.by[label].draw(r)]++
	}
}

func fresh() *[2][]float64 {
	return &[2][]float64{make([]float64, bins), make([]float64, bins)}
}

func fill(a alias, r *rand.Rand, into []float64, n int) {
	for range n {
		into[a.draw(r)]++
	}
}

func binomial(n int, p float64, r *rand.Rand) float64 {
	k := 0.0
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return k
}
