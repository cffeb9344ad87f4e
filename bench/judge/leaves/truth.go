package main

import "math"

// The true values of the simulated quantities, from the distributions
// themselves, so that a limit lies exactly on the boundary.

func trueAUC(s scored) float64 {
	var a, below float64
	for i := range bins {
		a += s.pmf[1][i] * (below + s.pmf[0][i]/2)
		below += s.pmf[0][i]
	}
	return a
}

// trueCalibration is the root mean square calibration error over ten groups.
func trueCalibration(s scored) float64 {
	var w, gap [10]float64
	for i := range bins {
		score := (float64(i) + 0.5) / bins
		g := int(score * 10)
		pos, neg := s.positive*s.pmf[1][i], (1-s.positive)*s.pmf[0][i]
		w[g] += pos + neg
		gap[g] += pos*(1-score) - neg*score
	}
	var square float64
	for g := range w {
		if w[g] > 0 {
			square += gap[g] * gap[g] / w[g]
		}
	}
	return math.Sqrt(square)
}

func truePSI(c, b []float64) float64 {
	var psi float64
	for i := range c {
		psi += (c[i] - b[i]) * math.Log(c[i]/b[i])
	}
	return psi
}

func trueKS(c, b []float64) float64 {
	var d, diff float64
	for i := range c {
		diff += c[i] - b[i]
		d = math.Max(d, math.Abs(diff))
	}
	return d
}

func trueF1(cells []float64) float64 { return 2 * cells[0] / (2*cells[0] + cells[1] + cells[2]) }

// tilted is the even distribution over ten groups, tilted until its distance
// from even is want.
func tilted(want float64, distance func(c, b []float64) float64) []float64 {
	even := make([]float64, 10)
	for i := range even {
		even[i] = 0.1
	}
	at := func(k float64) []float64 {
		p, sum := make([]float64, 10), 0.0
		for i := range p {
			p[i] = math.Exp(k * float64(i))
			sum += p[i]
		}
		for i := range p {
			p[i] /= sum
		}
		return p
	}
	low, high := 0.0, 2.0
	for range 80 {
		if middle := (low + high) / 2; distance(at(middle), even) < want {
			low = middle
		} else {
			high = middle
		}
	}
	return at(low)
}

// shifted is the score distribution of mean 0 moved until AUC is want.
func shifted(positive, want float64) scored {
	low, high := 0.0, 6.0
	for range 60 {
		if middle := (low + high) / 2; trueAUC(newScored(positive, bell(0, 1), bell(middle, 1))) < want {
			low = middle
		} else {
			high = middle
		}
	}
	return newScored(positive, bell(0, 1), bell(low, 1))
}
