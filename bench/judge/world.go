package main

import (
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/headgate/headgate/internal/judge"
)

// world is a rollout as it is simulated. Functions are of the served time.
type world struct {
	gates   []judge.GateConfig
	alpha   judge.Rate
	history uint64 // baseline requests counted before the first step
	clean   bool   // the history had no failure
	length  time.Duration
	steps   []float64 // the candidate's share, each for an equal part of length
	bad     time.Duration
	rate    func(t float64) float64 // requests per second, both arms
	base    func(t float64) float64 // the baseline's error rate
	cand    func(t float64) float64 // the candidate's
	share   func(t float64) float64 // real share over configured share
	slower  float64                 // factor on the candidate's latencies; 0: none are simulated
	spread  float64                 // σ of ln latency
	until   judge.Verdict           // what ends the run
	record  bool                    // through the real recorder
}

func constant(v float64) func(float64) float64 { return func(float64) float64 { return v } }

func wave(v, amplitude, period float64) func(float64) float64 {
	return func(t float64) float64 { return v * (1 + amplitude*math.Sin(2*math.Pi*t/period)) }
}

// after is before until the moment at, then v.
func after(at time.Duration, before, v float64) func(float64) float64 {
	return func(t float64) float64 {
		if t < at.Seconds() {
			return before
		}
		return v
	}
}

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

// latency draws a log-normal latency, median 50 ms.
func latency(factor, spread float64, r *rand.Rand) time.Duration {
	const median = 50e6
	return time.Duration(factor * median * math.Exp(spread*r.NormFloat64()))
}
