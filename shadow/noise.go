package shadow

import "math"

const (
	maxNoisePlaces = 512 // about 1 KiB each
	noiseBins      = 128 // powers of two from 2^-64 up
	noiseZero      = 64

	// A place whose numbers differ in half of the baseline's own pairs is noisy
	// all the time: its size is known, and what is no larger is free.
	noisyShare = 0.5
	// bandQuantile of the baseline's own differences, rounded up to a power of
	// two and times 2^bandBins, is the size that is free. For normal noise that
	// is 8 to 16 standard deviations of a difference.
	bandQuantile = 0.95
	bandBins     = 2
	// maxCredit bounds how many differences in a row a rare noise excuses.
	maxCredit = 10
)

// noise is how the baseline differs from itself, place by place, indexes as *.
// DESIGN.md has the rule.
type noise struct {
	wanted   uint64 // pairs from which on it is known
	pairs    uint64 // of the baseline with itself
	differed uint64 // of these
	asked    uint64 // pairs judged: the clock of the credits
	places   map[string]*noisePlace
	left     uint64 // places that there was no room for
}

// noisePlace is one place's noise.
type noisePlace struct {
	numbers  uint64 // pairs that differ here, by numbers of a known distance
	others   uint64 // pairs that differ here in another way
	absolute [noiseBins]uint32
	relative [noiseBins]uint32
	credit   float64
	at       uint64 // of asked, when the credit was counted
}

func newNoise(wanted int) *noise {
	return &noise{wanted: uint64(wanted), places: map[string]*noisePlace{}}
}

func (n *noise) learnt() bool { return n.pairs >= n.wanted }

// observe takes in the differences of the baseline's two answers.
func (n *noise) observe(places map[string]size) {
	n.pairs++
	if len(places) > 0 {
		n.differed++
	}
	for path, by := range places {
		p := n.places[path]
		if p == nil {
			if len(n.places) == maxNoisePlaces {
				n.left++
				continue
			}
			p = &noisePlace{at: n.asked}
			n.places[path] = p
		}
		if math.IsInf(by.absolute, 0) {
			p.others++
			continue
		}
		p.numbers++
		p.absolute[noiseBin(by.absolute)]++
		p.relative[noiseBin(by.relative)]++
	}
}

// excuses says whether a pair's differences are within the baseline's own. A
// difference no larger than a noisy place's usual one is free. Any other one
// costs one of the place's credits, which grow with every pair that is judged
// by the rate at which the baseline shows such a difference against itself: in
// the long run only the differences beyond that rate count.
func (n *noise) excuses(places map[string]size, crowded bool) bool {
	n.asked++
	if crowded {
		return false
	}
	var pay []*noisePlace
	for path, by := range places {
		p := n.places[path]
		if p == nil {
			return false
		}
		absolute, relative := p.band(n.pairs)
		if noiseBin(by.absolute) <= absolute && noiseBin(by.relative) <= relative && !math.IsInf(by.absolute, 0) {
			continue
		}
		if p.settle(n.asked, p.rate(n.pairs, absolute, relative)) < 1 {
			return false
		}
		pay = append(pay, p)
	}
	for _, p := range pay {
		p.credit--
	}
	return true
}

// band is the last bin, of either kind, that is free; -1: none is.
func (p *noisePlace) band(pairs uint64) (absolute, relative int) {
	if float64(p.numbers) < noisyShare*float64(pairs) {
		return -1, -1
	}
	return quantileBin(&p.absolute, p.numbers) + bandBins, quantileBin(&p.relative, p.numbers) + bandBins
}

// rate is the share of the baseline's own pairs with a difference here that is
// not free, one standard error up. A place that never showed one has 0.
func (p *noisePlace) rate(pairs uint64, absolute, relative int) float64 {
	gross := float64(p.others + max(above(&p.absolute, absolute), above(&p.relative, relative)))
	return min(1, (gross+math.Sqrt(gross))/float64(pairs))
}

// settle brings the credit up to date.
func (p *noisePlace) settle(now uint64, rate float64) float64 {
	p.credit = min(maxCredit, p.credit+rate*float64(now-p.at))
	p.at = now
	return p.credit
}

func noiseBin(v float64) int {
	if v == 0 {
		return 0
	}
	_, exponent := math.Frexp(v) // v < 2^exponent
	return min(max(exponent+noiseZero, 0), noiseBins-1)
}

func quantileBin(bins *[noiseBins]uint32, total uint64) int {
	rank, seen := uint64(math.Ceil(bandQuantile*float64(total))), uint64(0)
	for i, n := range bins {
		if seen += uint64(n); seen >= rank {
			return i
		}
	}
	return noiseBins - 1
}

func above(bins *[noiseBins]uint32, last int) (n uint64) {
	for i := max(last+1, 0); i < noiseBins; i++ {
		n += uint64(bins[i])
	}
	return n
}
