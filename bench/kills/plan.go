package main

import "math/rand/v2"

// job is one kill to be done.
type job struct {
	phase string
	point point
	// operator: when the verdict was not durable, a person rolls back as soon
	// as the API answers, instead of leaving it to the judge.
	operator bool
	seed     uint64
}

// calls are the steps of a rollback's calls to MLflow, by phase, as seen in a
// rollback without a kill.
type calls map[string][]step

// shares of the watched events among the kills that calls leave.
var shares = []watch{
	watchTraffic, watchSoon, watchJournal, watchFailing, watchTicket, watchTraffic, watchSoon,
	watchJournal, watchFailing, watchKept, watchTraffic, watchSoon, watchJournal, watchEnd,
}

// spread makes a plan of n kills, half in each phase. The calls that decide what
// stands in the registry are killed at every moment, twice; those that leave
// evidence and clear marks once each, at moments in turn; the rest of the kills
// go to watched events.
func spread(n int, c calls, random *rand.Rand) []job {
	var out []job
	for _, half := range []struct {
		phase string
		kills int
	}{{inCanary, n - n/2}, {inBake, n / 2}} {
		points := callPoints(c[half.phase])
		points = points[:min(len(points), half.kills-half.kills/3)]
		for i := 0; len(points) < half.kills; i++ {
			points = append(points, watched(shares[i%len(shares)]))
		}
		for _, p := range points {
			out = append(out, newJob(half.phase, p, random))
		}
	}
	return shuffled(out, random)
}

// callPoints is so ordered that any beginning of it holds as many different
// calls as it can.
func callPoints(steps []step) []point {
	var out []point
	for round := range 6 {
		for i, s := range steps {
			if round == 0 || s < stepEvidence {
				out = append(out, point{call: i + 1, moment: moment((i + round) % 3), step: s})
			}
		}
	}
	return out
}

// onePerStep kills once in each step, alternating between the phases.
func onePerStep(c calls, random *rand.Rand) []job {
	var out []job
	for s := stepFailing; s <= stepEnd; s++ {
		phase := inCanary
		if s%2 == 1 {
			phase = inBake
		}
		if p, ok := pointOf(s, c[phase], len(out), random); ok {
			out = append(out, newJob(phase, p, random))
		}
	}
	return out
}

func pointOf(s step, steps []step, n int, random *rand.Rand) (point, bool) {
	for w, of := range watchSteps {
		if of == s {
			return watched(w), true
		}
	}
	var at []int
	for i, of := range steps {
		if of == s {
			at = append(at, i+1)
		}
	}
	if len(at) == 0 {
		return point{}, false
	}
	return point{call: at[random.IntN(len(at))], moment: moment(n % 3), step: s}, true
}

func newJob(phase string, p point, random *rand.Rand) job {
	return job{phase: phase, point: p, operator: random.IntN(3) == 0, seed: random.Uint64()}
}

func shuffled(jobs []job, random *rand.Rand) []job {
	random.Shuffle(len(jobs), func(i, k int) { jobs[i], jobs[k] = jobs[k], jobs[i] })
	return jobs
}
