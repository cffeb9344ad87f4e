package judge

import "math"

// anchor keeps the hypothesised candidate away from a baseline that never
// fails: without it a clean baseline leaves the test blind.
const anchor = 0.001

// tally is one stratum as a test sees it: events and requests of both arms.
type tally struct {
	kc, nc, kb, nb float64
}

// null is the hypothesis p̄c <= a·p̄b + d, or >= where the evidence is for a
// candidate below the limit. With a = 0 the candidate is held against the known
// rate d.
type null struct {
	a, d float64
	// scaled: alternatives above the limit are ratios of the limit itself, not of
	// the baseline's rate.
	scaled bool
	// unbounded: events per second, which may be more than one.
	unbounded bool
}

// logE is ln of the Poisson linear null e-value of one stratum, with one
// alternative: r > 1 says by which excess ratio the candidate is worse than the
// limit, r < 1 by which it is better, equal that it is as the past. past is the baseline's rate before the
// stratum opened. Zero when the stratum cannot speak.
//
//	e = x^kc · y^kb · exp(−nc·d·(x−1)),  nc·a·(x−1) = nb·(1−y)
//
// Since 1+u <= e^u, E[e] <= exp(nc (x−1)(p̄c − a p̄b − d)) <= 1 under the null,
// whatever past and r are.
func (n null) logE(t tally, r, past float64) float64 {
	if r == equal {
		limit := n.a*past + n.d
		if r = past / limit; !(r > 0) || r == 1 || math.IsInf(r, 0) {
			return 0
		}
	}
	x, y := n.bet(t, r, past)
	if !(x > 0 && y > 0) || (x > 1) != (r > 1) {
		return 0
	}
	ln := t.kc*math.Log(x) - t.nc*n.d*(x-1)
	if t.kb > 0 {
		ln += t.kb * math.Log(y)
	}
	return ln
}

// bet finds x and y; 1, 1 when there is nothing to bet on.
func (n null) bet(t tally, r, past float64) (x, y float64) {
	switch {
	case t.nc == 0:
		return 1, 1
	case n.a == 0:
		return n.alternative(r, n.d) / n.d, 1
	case t.nb == 0:
		return 1, 1
	case n.d == 0:
		s := (t.nc*n.a + t.nb) / (t.nc*n.a*r + t.nb)
		return r * s, s
	}
	pc := n.alternative(r, past)
	p := n.root(t, pc, past)
	if !(pc > 0 && p > 0) {
		return 1, 1
	}
	return pc / (n.a*p + n.d), past / p
}

// alternative is the candidate's rate under the alternative r.
func (n null) alternative(r, past float64) float64 {
	limit := n.a*past + n.d
	switch {
	case r < 1, n.scaled && n.unbounded:
		return r * limit
	case n.scaled:
		return min(1, r*limit)
	}
	return min(1, limit+max(past, anchor)*(r-1))
}

// root is the baseline's rate that is likeliest on the boundary of the null when
// the arms fail at the rates pc and past.
func (n null) root(t tally, pc, past float64) float64 {
	qa := t.nc*n.a*n.a + t.nb*n.a
	qb := t.nc*n.a*(n.d-pc) + t.nb*(n.d-n.a*past)
	qc := -t.nb * past * n.d
	root := math.Sqrt(qb*qb - 4*qa*qc)
	if qb >= 0 {
		return -2 * qc / (qb + root)
	}
	return (root - qb) / (2 * qa)
}
