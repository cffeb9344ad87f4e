package main

import (
	"math/rand/v2"

	"github.com/headgate/headgate/internal/kpi"
)

const (
	session      = 10    // requests that a user makes in a row, all with the same outcome
	usersPerRate = 600   // users per request/s: most come once or twice in 2 h
	sick         = 0.004 // of them always fail; the others share the rest of the base rate
)

// crowd are the users of one sticky rollout. A user stays on the arm that a hash
// of the key gives, and brings the same trouble every time.
type crowd struct {
	place []float32 // where the user's hash lies, 0 to 1: below the share is the candidate
	fails []float32 // the user's own failure rate
	seen  [2][]bool // first outcome counted, by arm
	every bool
}

func newCrowd(users int, every bool, r *rand.Rand) *crowd {
	c := &crowd{place: make([]float32, users), fails: make([]float32, users), every: every}
	for arm := range c.seen {
		c.seen[arm] = make([]bool, users)
	}
	for i := range users {
		c.place[i] = r.Float32()
		c.fails[i] = (baseRate - sick) / (1 - sick)
		if r.Float64() < sick {
			c.fails[i] = 1
		}
	}
	return c
}

// visit draws who comes next, and how the requests of the session end.
func (c *crowd) visit(share float64, r *rand.Rand) (arm, user int, failed bool) {
	user = r.IntN(len(c.place))
	if float64(c.place[user]) < share {
		arm = kpi.Candidate
	}
	return arm, user, float64(c.fails[user]) > r.Float64()
}

// counts says whether the judge counts the request: the first of each user.
func (c *crowd) counts(arm, user int) bool {
	if c.every {
		return true
	}
	first := !c.seen[arm][user]
	c.seen[arm][user] = true
	return first
}
