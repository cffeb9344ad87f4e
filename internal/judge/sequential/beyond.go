package sequential

import "math"

const (
	// tunedFor is N*, the effective sample size at which the sequence is tightest.
	tunedFor = 5000
	// BurnIn is the effective sample size below which Beyond says nothing: 50
	// against 50. Standard errors of fewer are not to be trusted.
	BurnIn = 25
	// skew is a third of the skewness that is allowed for.
	skew = 0.7
)

// Beyond is the evidence, ln E, that the true value is above limit (over) or
// below it, from an estimate with standard error se, at effective sample size n.
// n must grow in proportion to 1/se²: the number of values of one sample,
// Effective of two. Zero when se or n is too small to speak; below zero when the
// estimate lies on the other side of the limit.
//
// The estimate's error in units of its variance is, for large n, a Brownian
// motion at time n. Against it stands the mixture over a half-normal drift with
// scale r, an e-process:
//
//	E = 2 / sqrt(n r²+1) · exp(x²/2) · Φ(x),  x = z·sqrt(n r²/(n r²+1))
//
// with z = margin/se. Solving E = 1/alpha with the bound Φ(x) >= 1 − exp(−x²/2) gives the half-width
// of Waudby-Smith et al., "Time-uniform central limit theory and asymptotic
// confidence sequences":
//
//	se·sqrt(2(n r²+1)/(n r²) · ln(1 + sqrt(n r²+1)/(2 alpha)))
//
// E itself excludes a little earlier, is monotone in the margin on both sides of
// the limit, and may be averaged with others as the inverted half-width may not.
//
// For small n there is one correction: z stands for z / (1 + 0.7·|z|/sqrt(n)), Hall's
// expansion of a studentised mean, z − γz²/(3 sqrt(n)), in a form that stays
// monotone, for a skewness γ of about 2 to the harmful side, on both sides.
func Beyond(estimate, limit, se, n, alpha float64, over bool) float64 {
	margin := estimate - limit
	if !over {
		margin = -margin
	}
	if !(se > 0) || !(n >= BurnIn) || !finite(se) || !finite(margin) {
		return 0
	}
	v := count(n) * scale(alpha)
	z := min(max(margin/se, -1e100), 1e100)
	z /= 1 + skew*math.Abs(z)/math.Sqrt(count(n))
	x := z * math.Sqrt(v/(v+1))
	return bounded(math.Ln2 - math.Log1p(v)/2 + logTilted(x))
}

// scale is r², which makes the sequence of level alpha tightest at N*.
func scale(alpha float64) float64 {
	if !(alpha > 1e-100) {
		alpha = 1e-100
	}
	l := -2 * math.Log(2*min(alpha, 0.25))
	return (l + math.Log1p(l)) / tunedFor
}

// logTilted is x²/2 + ln Φ(x), also where Φ(x) is no float any more.
func logTilted(x float64) float64 {
	if x < -25 {
		q := 1 / (x * x)
		return math.Log1p(-q+3*q*q) - math.Log(-x) - math.Log(2*math.Pi)/2
	}
	return x*x/2 + math.Log(math.Erfc(-x/math.Sqrt2)/2)
}

// Effective is the effective sample size of a difference between two samples,
// half their harmonic mean: it is in proportion to 1/se² when both arms spread
// alike, whatever the split between them does. 0 when one is empty.
func Effective(nc, nb float64) float64 {
	nc, nb = count(nc), count(nb)
	if nc == 0 || nb == 0 {
		return 0
	}
	return 1 / (1/nc + 1/nb)
}

// Estimate is a value with its standard error and effective sample size.
type Estimate struct {
	Value, SE, N float64
}

// Beyond is the evidence that the true value is above limit (over) or below it.
func (e Estimate) Beyond(limit, alpha float64, over bool) float64 {
	return Beyond(e.Value, limit, e.SE, e.N, alpha, over)
}

// Difference is c − factor·b, of independent arms: what a limit relative to the
// baseline, candidate <= factor·baseline + offset, holds against offset. An arm
// without a standard error leaves none.
func Difference(c, b Estimate, factor float64) Estimate {
	d := Estimate{Value: c.Value - factor*b.Value}
	if !finite(d.Value) {
		return Estimate{}
	}
	if se := math.Hypot(c.SE, factor*b.SE); c.SE > 0 && b.SE > 0 && finite(se) {
		d.SE, d.N = se, Effective(c.N, b.N)
	}
	return d
}

// Pool averages estimates of separate spans, each weighing its N. Arms are then
// compared inside a span only: a quantity that drifts while the split changes
// does not pass for a difference between the arms. Spans without a standard
// error are left out. Spans that are closed may be kept as their Pool, and the
// open one pooled with that.
func Pool(spans []Estimate) Estimate {
	var p Estimate
	var variance float64
	for _, s := range spans {
		n := count(s.N)
		if n == 0 || !(s.SE > 0) || !finite(s.SE*s.SE) || !finite(s.Value*s.Value) {
			continue
		}
		p.N += n
		w := n / p.N
		// The running average never leaves the range of its parts.
		p.Value += w * (s.Value - p.Value)
		variance = (1-w)*(1-w)*variance + w*w*s.SE*s.SE
	}
	p.SE = math.Sqrt(variance)
	return p
}
