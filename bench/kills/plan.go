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

// spread makes a plan of n kills: half in each phase, every call at every
// moment when there are enough of them, the rest on watched events.
func spread(n int, c calls, random *rand.Rand) []job {
	var out []job
	for _, half := range []struct {
		phase string
		m     int
	}{{inCanary, n - n/2}, {inBake, n / 2}} {
		phase, m := half.phase, half.m
		points := callPoints(c[phase])
		least := m / 4 // for watched events
		points = points[:min(len(points), m-least)]
		for i := 0; len(points) < m; i++ {
			points = append(points, watched(shares[i%len(shares)]))
		}
		for _, p := range points {
			out = append(out, newJob(phase, p, random))
		}
	}
	return shuffled(out, random)
}

// callPoints lists every call at every moment, so ordered that any beginning of
// the list holds as many different calls as it can.
func callPoints(steps []step) []point {
	var out []point
	for round := range 3 {
		for i, s := range steps {
			out = append(out, point{call: i + 1, moment: moment((i + round) % 3), step: s})
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
