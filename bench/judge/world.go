package main

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/judge"
)

// world is a rollout as it is simulated. Functions are of the served time in
// seconds.
type world struct {
	gates   []judge.GateConfig
	alpha   judge.Rate
	history uint64 // baseline requests counted before the first step
	clean   bool   // the history had no failure
	length  time.Duration
	steps   []float64               // the candidate's share, each for an equal part of length
	bad     time.Duration           // when the candidate turns bad; delays count from here
	rate    func(t float64) float64 // requests per second, both arms
	traffic shape                   // factor on the row's request rate; nil: none
	base    shape                   // the baseline's error rate
	cand    shape                   // the candidate's
	share   shape                   // real share over configured share
	slower  float64                 // factor on the candidate's latencies; 0: none are simulated
	spread  float64                 // σ of ln latency
	sticky  bool                    // users whose requests end alike, ten in a row
	every   bool                    // sticky, and each of their requests counts: what the judge does not do
	late    *lateness               // clicks or labels; nil: none are simulated
	until   judge.Verdict           // what ends the run
	record  bool                    // through the real recorder
}

// shape is a value over served time.
type shape func(t float64) float64

func constant(v float64) shape { return func(float64) float64 { return v } }

// wave is v, a share of amplitude up and down: day and night.
func wave(v, amplitude, period float64) shape {
	return func(t float64) float64 { return v * (1 + amplitude*math.Sin(2*math.Pi*t/period)) }
}

// after is before until the moment at, then v.
func after(at time.Duration, before, v float64) shape {
	return func(t float64) float64 {
		if t < at.Seconds() {
			return before
		}
		return v
	}
}

// growing rises from v in a straight line, by more at the end of over.
func growing(v, more float64, over time.Duration) shape {
	return func(t float64) float64 { return v + more*min(1, t/over.Seconds()) }
}

// bursts is high for the last 30 s of every 5 min, else low.
func bursts(low, high float64) shape {
	return func(t float64) float64 {
		if math.Mod(t, 300) >= 270 {
			return high
		}
		return low
	}
}

// at is the world with its request rate; ten minutes of history unless it has
// its own.
func (w world) at(rate float64) world {
	w.rate = constant(rate)
	if w.traffic != nil {
		w.rate = func(t float64) float64 { return rate * w.traffic(t) }
	}
	if w.history == 0 {
		w.history = uint64(rate * 600 * (1 - w.steps[0]))
	}
	return w
}

// weight is the candidate's real share at a moment.
func (w *world) weight(now time.Duration) float64 {
	return min(1, w.steps[w.step(now)]*w.share(now.Seconds()))
}

func (w *world) step(now time.Duration) int {
	return min(len(w.steps)-1, int(int64(len(w.steps))*int64(now)/int64(w.length)))
}
