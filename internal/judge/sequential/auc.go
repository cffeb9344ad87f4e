package sequential

import "math"

// burnInClass is how many of each class an AUC needs before it is judged.
const burnInClass = 50

// AUC is the area under the ROC curve: the chance that a positive scores above
// a negative, ties counting half.
type AUC struct {
	Value, SE            float64
	Positives, Negatives float64
}

// NewAUC reads an AUC from the binned scores of both classes. Scores in one bin
// are ties. The standard error is DeLong's (DeLong, DeLong and Clarke-Pearson
// 1988), exact for the binned scores; each class's variance is kept above that
// of half a misplaced score among its n, so that classes which no score of the
// sample mixes up do not look certain. Zero without both classes.
func NewAUC(pos, neg Histogram) AUC {
	p, np := shares(pos)
	q, nn := shares(neg)
	a := AUC{Positives: np, Negatives: nn}
	if np == 0 || nn == 0 {
		return a
	}
	bins := max(len(p), len(q))
	p, q = padded(p, bins), padded(q, bins)
	// Of one positive, the share of negatives it beats; of one negative, the
	// share of positives that beat it.
	beats, beaten := make([]float64, bins), make([]float64, bins)
	var below float64
	for i := range bins {
		beats[i] = below + q[i]/2
		below += q[i]
	}
	var above float64
	for i := bins - 1; i >= 0; i-- {
		beaten[i] = above + p[i]/2
		above += p[i]
	}
	mean := dot(p, beats)
	a.Value = min(max(mean, 0), 1)
	a.SE = math.Sqrt(placement(p, beats, mean, np) + placement(q, beaten, mean, nn))
	return a
}

// placement is the variance that one class's sampling gives to the AUC.
func placement(p, v []float64, mean, n float64) float64 {
	var spread float64
	for i := range p {
		spread += p[i] * (v[i] - mean) * (v[i] - mean)
	}
	missed := 0.5 / (n + 1)
	spread = max(spread*n/max(n-1, 1), missed*(1-missed))
	return spread / n
}

// Enough says that both classes are past the burn-in.
func (a AUC) Enough() bool {
	return a.Positives >= burnInClass && a.Negatives >= burnInClass && a.SE > 0
}

// Estimate is the AUC for Beyond, Difference and Pool. It has no N, and so no
// evidence, before Enough.
func (a AUC) Estimate() Estimate {
	e := Estimate{Value: a.Value, SE: a.SE}
	if a.Enough() {
		e.N = Effective(a.Positives, a.Negatives)
	}
	return e
}

func padded(p []float64, n int) []float64 {
	return append(p, make([]float64, n-len(p))...)
}

func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
