package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"sync"
)

// key of a set of runs.
type key struct {
	scenario string
	rate     float64
}

// lab makes the runs, each set once.
type lab struct {
	seed     uint64
	runs     int // per scenario; 0: each scenario's own number
	done     map[key][]outcome
	progress func(format string, args ...any)
}

func (l *lab) count(s scenario) int {
	if l.runs > 0 {
		return l.runs
	}
	return s.runs
}

// outcomes of a scenario at a request rate.
func (l *lab) outcomes(s scenario, rate float64, compare bool) ([]outcome, error) {
	k := key{s.name, rate}
	if out, ok := l.done[k]; ok {
		return out, nil
	}
	l.progress("%s at %g/s: %d runs", s.name, rate, l.count(s))
	out, err := newSetting(s.world.at(rate), compare).runAll(l.count(s), l.seed, k.stream())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	l.done[k] = out
	return out, nil
}

// stream separates the random numbers of different sets, whatever else is run.
func (k key) stream() uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %g", k.scenario, k.rate) // a hash takes everything
	return h.Sum64()
}

// runAll simulates on all cores; the result does not depend on their number.
func (s setting) runAll(runs int, seed, stream uint64) ([]outcome, error) {
	out := make([]outcome, runs)
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < runs && errs[worker] == nil; i += workers {
				out[i], errs[worker] = s.simulate(rand.New(rand.NewPCG(seed, stream+uint64(i))))
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
