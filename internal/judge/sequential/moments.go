package sequential

import "math"

const (
	burnInMean = 50
	maxCV      = 15.0
)

// Moments are count, sum and sum of squares of values.
type Moments struct {
	N, Sum, Square float64
}

// Add takes in one value.
func (m *Moments) Add(x float64) {
	m.N++
	m.Sum += x
	m.Square += x * x
}

// Value is the mean; 0 of nothing.
func (m Moments) Value() float64 {
	v := m.Sum / m.N
	if !finite(v) {
		return 0
	}
	return v
}

// SE is the standard error of the mean, raised by the factor 1 + 4·cv/sqrt(N),
// cv = min(sd/|mean|, 15); 0 when values without spread, or fewer than 50 of
// them, or fewer than 50·cv², leave none.
//
// The sample of a skewed quantity misses the tail that its spread comes from.
// Of values above zero cv tells their skewness without their cubes (at least
// cv − 1/cv, as much of a rare event; 2·cv of gamma values, 3·cv + cv³ of
// log-normal ones), and N/cv² how many of the large ones there are. The cap keeps
// values around zero, whose cv says nothing, from waiting forever.
func (m Moments) SE() float64 {
	se, mean, n := m.plainSE(), math.Abs(m.Value()), count(m.N)
	cv := maxCV
	if sd := se * math.Sqrt(n); sd < maxCV*mean {
		cv = sd / mean
	}
	if se == 0 || n < burnInMean*max(1, cv*cv) {
		return 0
	}
	return se * (1 + 4*cv/math.Sqrt(n))
}

// plainSE is the standard error as the sample gives it.
func (m Moments) plainSE() float64 {
	mean := m.Value()
	se := math.Sqrt((m.Square/m.N - mean*mean) / (m.N - 1))
	// Below what the subtraction can resolve there is rounding, not spread.
	if !(m.N >= 2) || !finite(se) || se*se*m.N < 1e-13*mean*mean {
		return 0
	}
	return se
}

// Estimate is the mean for Beyond, Difference and Pool.
func (m Moments) Estimate() Estimate {
	return Estimate{Value: m.Value(), SE: m.SE(), N: count(m.N)}
}

// RMSE is the root of the mean squared error, from the number of errors and the
// sums of their second and fourth powers. The standard error is that of the mean
// square by the delta method, se(MSE)/(2·RMSE). The effective sample size is n.
func RMSE(n, sumSq, sumFourth float64) (value, se float64) {
	m := Moments{N: n, Sum: sumSq, Square: sumFourth}
	if !(m.Value() > 0) {
		return 0, 0
	}
	value = math.Sqrt(m.Value())
	return value, m.SE() / (2 * value)
}
