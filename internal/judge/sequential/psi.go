package sequential

import "math"

// PSI is the population stability index Σ (c−b)·ln(c/b) between two histograms
// with the same cells, less what chance alone adds to it, with its standard
// error. Cells that are empty in both arms do not count. So that an empty cell
// has a logarithm, half an observation is added to every other one.
//
//	PSI − (B−1)(1/nc + 1/nb)
//
// Of two equal arms the raw index is (1/nc+1/nb)·χ²(B−1) in distribution; the
// correction is its mean, and its variance 2(B−1)(1/nc+1/nb)² is added to that
// of the delta method (both arms random), which is 0 there. The variance grows
// with the index, by about 4(1/nc+1/nb) of it, so that an index found too low
// would look too certain: it is taken two standard errors up. The effective
// sample size is Effective(nc, nb). Zero without both arms or with a single cell.
func PSI(c, b Histogram) (value, se float64) {
	pc, pb, nc, nb := smoothed(c, b)
	cells := float64(len(pc))
	if cells < 2 || nc == 0 || nb == 0 {
		return 0, 0
	}
	gc, gb := make([]float64, len(pc)), make([]float64, len(pc))
	for i := range pc {
		l := math.Log(pc[i] / pb[i])
		value += (pc[i] - pb[i]) * l
		gc[i] = l + 1 - pb[i]/pc[i]
		gb[i] = -l + 1 - pc[i]/pb[i]
	}
	chance := (cells - 1) * (1/nc + 1/nb)
	variance := spread(pc, gc)/nc + spread(pb, gb)/nb + 2*chance*chance/(cells-1)
	// Of the index two standard errors up.
	variance += 4 * 2 * math.Sqrt(variance) * (1/nc + 1/nb)
	return value - chance, math.Sqrt(variance)
}

// smoothed are the shares of the cells that either arm fills, and the counts
// they come from.
func smoothed(c, b Histogram) (pc, pb []float64, nc, nb float64) {
	at := func(h Histogram, i int) float64 {
		if i < len(h) {
			return count(h[i])
		}
		return 0
	}
	for i := range max(len(c), len(b)) {
		kc, kb := at(c, i), at(b, i)
		if kc+kb == 0 {
			continue
		}
		nc, nb = nc+kc, nb+kb
		pc, pb = append(pc, kc+0.5), append(pb, kb+0.5)
	}
	half := float64(len(pc)) / 2
	for i := range pc {
		pc[i] /= nc + half
		pb[i] /= nb + half
	}
	return pc, pb, nc, nb
}

// spread is the variance of g under p.
func spread(p, g []float64) float64 {
	mean := dot(p, g)
	var v float64
	for i := range p {
		v += p[i] * (g[i] - mean) * (g[i] - mean)
	}
	return v
}
