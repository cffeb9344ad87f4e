package sequential

import "math"

// ratioStrengths are how many requests the configured weight is worth in the
// alternatives: gross, plain and slight misrouting are each found in time.
var ratioStrengths = [...]float64{10, 300, 10000}

// SampleRatio is the evidence, to both sides, that requests are not split as
// configured. Within a span of one weight w each request goes to the candidate
// with probability w; against that stands a beta-binomial mixture around w
// (Lindon and Malek 2022), a nonnegative martingale request by request, so that
// it does not matter by which counts strata are closed. The k-th span has the
// share 1/(k(k+1)) of the mass and what is left stays at 1: an average of
// e-processes with weights fixed beforehand, exact by Ville's inequality.
//
// Requests must be independent: count each sticky key once.
type SampleRatio struct {
	Spans               int     // begun, the open one included
	Closed              float64 // Σ over closed spans of their share · E
	Weight              float64 // of the open span
	Candidate, Baseline float64 // counted in the open span
}

// Add takes in a closed stratum: its requests on both arms and the candidate's
// configured share. At a share of 0 or 1 there is no split to test.
func (s *SampleRatio) Add(nc, nb, weight float64) {
	if !(weight > 0 && weight < 1) {
		return
	}
	if s.Spans == 0 || weight != s.Weight {
		s.Closed = min(s.Closed+math.Exp(min(s.open(), 600)), 1e300)
		s.Spans++
		s.Weight, s.Candidate, s.Baseline = weight, 0, 0
	}
	s.Candidate = count(s.Candidate + count(nc))
	s.Baseline = count(s.Baseline + count(nb))
}

// LnE is ln E.
func (s *SampleRatio) LnE() float64 {
	left := 1 / float64(s.Spans+1)
	return bounded(LogAdd(math.Log(s.Closed+left), s.open()))
}

// open is ln of the open span's share · E.
func (s *SampleRatio) open() float64 {
	if s.Spans == 0 {
		return math.Inf(-1)
	}
	ln := math.Inf(-1)
	for _, strength := range ratioStrengths {
		ln = LogAdd(ln, betaBinomial(s.Candidate, s.Baseline, s.Weight, strength))
	}
	k := float64(s.Spans)
	return ln - math.Log(float64(len(ratioStrengths))) - math.Log(k*(k+1))
}

// betaBinomial is ln of the likelihood of a sequence with k and m outcomes under
// a Beta(strength·w, strength·(1−w)) share, over that under w.
func betaBinomial(k, m, w, strength float64) float64 {
	a, b := strength*w, strength*(1-w)
	return rising(a, k) + rising(b, m) - rising(strength, k+m) - k*math.Log(w) - m*math.Log1p(-w)
}

// rising is ln Γ(a+k)/Γ(a).
func rising(a, k float64) float64 {
	high, _ := math.Lgamma(a + k)
	low, _ := math.Lgamma(a)
	return high - low
}
