package sequential

import "math"

// maxLn bounds all evidence: far above any limit, far below where floats end.
const maxLn = 1e6

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// bounded keeps evidence within ±maxLn; what is not a number says nothing.
func bounded(ln float64) float64 {
	if math.IsNaN(ln) {
		return 0
	}
	return min(max(ln, -maxLn), maxLn)
}

// LogAdd is ln(e^a + e^b) without leaving the range of floats.
func LogAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(a, -1) || b-a < -45 {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// count is a usable count: nothing below zero, nothing that is not a number,
// nothing whose square or its inverse leaves the range of floats.
func count(x float64) float64 {
	if !(x > 1e-50) {
		return 0
	}
	return min(x, 1e100)
}
