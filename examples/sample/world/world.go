// Package world is what the sample backends and whoever drives them agree on:
// how users are drawn, what is true about them, and how well a model knows it.
// Every function is pure, so that a driver can post the label of a request that
// it has sent itself.
package world

import (
	"math"
	"math/rand/v2"
)

// Features of a user, each from a standard normal distribution.
const Features = 10

// BaseCTR is how often users click on what a good model shows them.
const BaseCTR = 0.10

// spread is the standard deviation of the logit over users.
const spread = 2

// weights of the features in the logit, before they are scaled to spread.
var weights = [Features]float64{1, -0.8, 0.6, 0.5, -0.4, 0.3, -0.3, 0.2, 0.1, 0}

// User is one to be asked about.
type User struct {
	Row   [Features]float64
	Group string // "a" or "b", by half; it says nothing about the rest
}

// Draw draws a user.
func Draw(r *rand.Rand) User {
	u := User{Group: "a"}
	for i := range u.Row {
		// Six standard deviations: within the data contract.
		u.Row[i] = min(max(r.NormFloat64(), -6), 6)
	}
	if r.Float64() < 0.5 {
		u.Group = "b"
	}
	return u
}

// Probability that the label of a row is 1. Rows of another length than
// Features use the weights in turn.
func Probability(row []float64) float64 { return sigmoid(logit(row)) }

// Label is the truth about a row, given a number drawn evenly from 0 to 1.
func Label(row []float64, drawn float64) int {
	if drawn < Probability(row) {
		return 1
	}
	return 0
}

func logit(row []float64) float64 {
	sum, square := 0.0, 0.0
	for i, x := range row {
		sum += weights[i%Features] * x
	}
	for _, w := range weights {
		square += w * w
	}
	return sum * spread / math.Sqrt(square)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
