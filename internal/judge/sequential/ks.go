package sequential

import "math"

// KS is the Kolmogorov-Smirnov distance between two histograms with the same
// bins: the largest difference of their cumulative shares. 0 without both arms.
// It is the distance of the binned values, never above that of the values.
func KS(c, b Histogram) float64 {
	p, nc := shares(c)
	q, nb := shares(b)
	if nc == 0 || nb == 0 {
		return 0
	}
	bins := max(len(p), len(q))
	p, q = padded(p, bins), padded(q, bins)
	var d, diff float64
	for i := range bins {
		diff += p[i] - q[i]
		d = max(d, math.Abs(diff))
	}
	return min(d, 1)
}

// KSEvidence is the evidence that the true distance is above limit (over) or
// below it. Each arm's cumulative shares stay within radius(n, alpha/2) of the
// truth at all times with probability 1 − alpha/2 (Howard and Ramdas 2022,
// "Sequential estimation of quantiles"), so the distance stays within the sum of
// both radii: exact, for any distribution and any split. E is 1/alpha at the
// alpha whose radii just reach the limit, and at least 1. Such an E must not be
// averaged with others.
func KSEvidence(d, nc, nb, limit float64, over bool) float64 {
	margin := d - limit
	if !over {
		margin = -margin
	}
	if !(margin > 0) || !(nc >= 1) || !(nb >= 1) {
		return 0
	}
	reach := func(lnE float64) float64 { return ksRadius(nc, lnE) + ksRadius(nb, lnE) }
	low, high := 0.0, 1.0
	if reach(low) >= margin {
		return 0
	}
	for reach(high) < margin && high < maxLn {
		low, high = high, high*2
	}
	for range 100 {
		if middle := (low + high) / 2; reach(middle) < margin {
			low = middle
		} else {
			high = middle
		}
	}
	return bounded(low)
}

// ksRadius is that of one arm at alpha/2, alpha = e^−lnE. The square root covers
// the whole fraction.
func ksRadius(n, lnE float64) float64 {
	n = min(n, 1e100)
	return 0.85 * math.Sqrt((math.Log(1+math.Log(n))+0.8*(math.Log(1612*2)+lnE))/n)
}
