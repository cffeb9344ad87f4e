package sequential

import "math"

// F1 is the harmonic mean of precision and recall, 2tp/(2tp+fp+fn), with its
// standard error; its effective sample size is tp+fp+fn. Among the cases that
// are not true negatives the true positives are binomial with share
// J = F1/(2−F1), so se = 2/(1+J)² · se(J). se(J) is taken at (tp+½)/(n+1), which
// keeps it above 0 when all or none are hits.
func F1(tp, fp, fn float64) (value, se float64) {
	tp, fp, fn = count(tp), count(fp), count(fn)
	n := tp + fp + fn
	if n == 0 {
		return 0, 0
	}
	value = 2 * tp / (2*tp + fp + fn)
	j := (tp + 0.5) / (n + 1)
	return value, 2 / ((1 + j) * (1 + j)) * math.Sqrt(j*(1-j)/n)
}
