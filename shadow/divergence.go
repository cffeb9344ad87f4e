package shadow

import (
	"math"

	"github.com/headgate/headgate/internal/kpi"
)

// psiGroups is the number of groups that scores are compared in, as equal in
// size as the bins allow.
const psiGroups = 10

// psi is the population stability index between two histograms of one scale,
// less what two samples of this size show by chance:
// Σ (b−a) ln(b/a) − (B−1)(1/na + 1/nb). The groups are the live scores'
// deciles. False when either side has fewer than psiGroups scores.
func psi(live, shadow histogram) (float64, bool) {
	na, nb := total(live), total(shadow)
	if na < psiGroups || nb < psiGroups {
		return 0, false
	}
	var sum float64
	groups := 0
	var a, b, seen float64
	for bin := range kpi.ScaleBins {
		a += float64(live[bin])
		b += float64(shadow[bin])
		seen += float64(live[bin])
		last := bin == kpi.ScaleBins-1
		if !last && seen < float64(groups+1)*na/psiGroups {
			continue
		}
		if a+b > 0 {
			// Half a score more on either side: a group that one side lacks
			// would be infinitely far away.
			p, q := (a+.5)/(na+.5*psiGroups), (b+.5)/(nb+.5*psiGroups)
			sum += (q - p) * math.Log(q/p)
			groups++
		}
		a, b = 0, 0
	}
	return sum - float64(groups-1)*(1/na+1/nb), true
}

// ks is the largest distance between two distributions of one scale, of 1,
// without correction for the size of the samples.
func ks(live, shadow histogram) (float64, bool) {
	na, nb := total(live), total(shadow)
	if na == 0 || nb == 0 {
		return 0, false
	}
	var a, b, largest float64
	for bin := range kpi.ScaleBins {
		a += float64(live[bin]) / na
		b += float64(shadow[bin]) / nb
		largest = max(largest, math.Abs(a-b))
	}
	return largest, true
}

func total(h histogram) (n float64) {
	for _, count := range h {
		n += float64(count)
	}
	return n
}
