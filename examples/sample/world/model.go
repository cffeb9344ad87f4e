package world

import (
	"math"
	"math/rand/v2"
)

// Faults of a size that a gate is meant to find. The tests of this package
// measure each.
const (
	// NoiseTenth costs 0.1 of the AUC.
	NoiseTenth = 1.8
	// DriftHalf moves the scores by a PSI of 0.5.
	DriftHalf = 1.45
	// UnfairSixTenths gives group b 0.6 times the favourable answers of group a.
	UnfairSixTenths = 0.4
)

// Model is how well a model knows the world. The zero value knows all that can
// be known: its score is the label's probability.
type Model struct {
	// Noise beside the logit, as a standard deviation. The scores keep their
	// distribution: what suffers is the AUC.
	Noise float64
	// Drift is added to the logit. The order of the scores stays.
	Drift float64
	// Unfair is the share of group b's favourable answers that turn into
	// unfavourable ones.
	Unfair float64
}

// Score of a row between 0 and 1; from 0.5 on it is favourable for the user.
func (m Model) Score(row []float64, group string, r *rand.Rand) float64 {
	x := logit(row)
	if m.Noise > 0 {
		x = (x + m.Noise*r.NormFloat64()) * spread / math.Hypot(spread, m.Noise)
	}
	score := sigmoid(x + m.Drift)
	if group == "b" && score >= 0.5 && m.Unfair > 0 && r.Float64() < m.Unfair {
		score = 0.5 - (score-0.5)/10 - 1e-9 // just below, so that the order of scores hardly suffers
	}
	return score
}
