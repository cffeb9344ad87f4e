package main

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/headgate/headgate/internal/kpi"
)

// poisson draws a Poisson variate: inversion for small means.
func poisson(mean float64, r *rand.Rand) int {
	if mean <= 0 {
		return 0
	}
	if mean > 30 {
		return int(distuv.Poisson{Lambda: mean, Src: r}.Rand())
	}
	u, p, k := r.Float64(), math.Exp(-mean), 0
	for ; u > p && k < 1000; k++ {
		u -= p
		p *= mean / float64(k+1)
	}
	return k
}

// medianLatency is that of the simulated baseline, in nanoseconds.
const medianLatency = 50e6

// sampler draws a bin in constant time (Walker's alias method). Latencies and
// scores matter only by their bin, so nothing is lost.
type sampler struct {
	accept []float64 // chance to keep the slot's own bin
	other  []uint16
}

// newSampler draws log-normal latencies.
func newSampler(l *kpi.Layout, factor, spread float64) *sampler {
	return newAlias(l.Bins(), func(bin int) float64 {
		edge, ok := l.Edge(bin)
		if !ok {
			return 1
		}
		return distuv.UnitNormal.CDF(math.Log(float64(edge)/(medianLatency*factor)) / spread)
	})
}

// newAlias draws bin i with probability upTo(i) − upTo(i−1).
func newAlias(n int, upTo func(bin int) float64) *sampler {
	s := &sampler{accept: make([]float64, n), other: make([]uint16, n)}
	var small, large []int
	below := 0.0
	for i := range n {
		s.accept[i] = (upTo(i) - below) * float64(n)
		below = upTo(i)
		if s.accept[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		from, to := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		s.other[from] = uint16(to)
		s.accept[to] -= 1 - s.accept[from]
		if s.accept[to] < 1 {
			large = large[:len(large)-1]
			small = append(small, to)
		}
	}
	for _, i := range append(small, large...) {
		s.accept[i] = 1 // what rounding left over
	}
	return s
}

func (s *sampler) bin(r *rand.Rand) uint16 {
	at := r.Float64() * float64(len(s.accept))
	slot := int(at)
	if at-float64(slot) < s.accept[slot] {
		return uint16(slot)
	}
	return s.other[slot]
}
