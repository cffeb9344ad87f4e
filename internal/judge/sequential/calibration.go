package sequential

import "math"

// Calibration is the root mean square calibration error over ten groups of
// equal width: the root of Σ w_g (mean label − mean score)², from the binned
// scores of both classes (bins of equal width over [0, 1], a score standing at
// its bin's middle, which is off by half a bin at most). It is never below the
// expected calibration error over the same groups.
//
// The sampling error of each group's mean label is taken off its square (Kumar,
// Liang and Ma 2019, "Verified uncertainty calibration"), without which ten
// groups of a perfectly calibrated model show sqrt(10·p(1−p)/n). The standard
// error is the delta method's of the square, brought to the root; near zero,
// where the root has no derivative, it stops at half the root of the square's
// standard error.
func Calibration(pos, neg Histogram) Estimate {
	parts, n := calibrationGroups(pos, neg)
	if n == 0 {
		return Estimate{}
	}
	var square, weights, variance float64
	for _, g := range parts {
		w := g.N / n
		gap, noise := g.gap(), g.noise()
		square += w * (gap*gap - noise)
		weights += w * gap * gap * gap * gap
		variance += w * w * (4*gap*gap*noise + 2*noise*noise)
	}
	variance += max(0, weights-square*square) / n
	value, se := math.Sqrt(max(0, square)), math.Sqrt(variance)
	if se == 0 {
		return Estimate{Value: value}
	}
	return Estimate{Value: value, SE: se / (2 * max(value, math.Sqrt(se))), N: n}
}

// calibrationGroup holds the differences label − score of one group.
type calibrationGroup struct {
	Moments
}

func (g calibrationGroup) gap() float64 { return g.Value() }

// noise is the sampling variance of the gap, never less than that of half a
// wrong label among them.
func (g calibrationGroup) noise() float64 {
	if g.N == 0 {
		return 0
	}
	missed := 0.5 / (g.N + 1)
	return max(g.plainSE()*g.plainSE(), missed*(1-missed)/g.N)
}

func calibrationGroups(pos, neg Histogram) (parts [groups]calibrationGroup, n float64) {
	for label, h := range [2]Histogram{neg, pos} {
		for i, k := range h {
			k = count(k)
			score := middle(i, len(h))
			g := &parts[min(groups-1, int(score*groups))]
			off := float64(label) - score
			g.N += k
			g.Sum += k * off
			g.Square += k * off * off
			n += k
		}
	}
	return parts, n
}

// middle of bin i of n over [0, 1].
func middle(i, n int) float64 { return (float64(i) + 0.5) / float64(n) }
