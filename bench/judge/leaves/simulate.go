package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
)

var alphas = [...]float64{.05, .01}

// first is when a run first crossed 1/α, in candidate samples, by side (0 above,
// 1 below) and α; +Inf when it never did.
type first [2][len(alphas)]float64

// runAll makes the runs of a world on all cores; each run has its own seed, so
// that the result does not depend on the number of cores.
func runAll(w world, runs, samples int, seed uint64) []first {
	out := make([]first, runs)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(runs); i = next.Add(1) - 1 {
				out[i] = run(w, samples, rand.New(rand.NewPCG(seed, uint64(i))))
			}
		})
	}
	workers.Wait()
	return out
}

func run(w world, samples int, r *rand.Rand) first {
	var f first
	for side := range f {
		for i := range f[side] {
			f[side][i] = math.Inf(1)
		}
	}
	step := w.start(r)
	for n := w.perLook; n <= samples; n += w.perLook {
		evidence := step()
		waiting := false
		for side := range f {
			if side == 0 && w.sides == "below" || side == 1 && w.sides == "above" {
				continue
			}
			for i, alpha := range alphas {
				if math.IsInf(f[side][i], 1) && evidence(alpha, side == 0) >= -math.Log(alpha) {
					f[side][i] = float64(n)
				}
				waiting = waiting || math.IsInf(f[side][i], 1)
			}
		}
		if !waiting {
			break
		}
	}
	return f
}
