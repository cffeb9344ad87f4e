package main

import (
	"math"
	"math/rand/v2"
)

// length of a run on the boundary, in candidate samples.
const length = 20000

func normal(sigma float64) source {
	return func(r *rand.Rand) float64 { return sigma * r.NormFloat64() }
}

func exponential(mean float64) source {
	return func(r *rand.Rand) float64 { return mean * r.ExpFloat64() }
}

func logNormal(sigma float64) source {
	return func(r *rand.Rand) float64 { return math.Exp(sigma*r.NormFloat64() - sigma*sigma/2) }
}

// laplace has variance 2·scale².
func laplace(scale float64) source {
	return func(r *rand.Rand) float64 {
		if r.IntN(2) == 0 {
			return -scale * r.ExpFloat64()
		}
		return scale * r.ExpFloat64()
	}
}

// sale is what a visitor spends: nothing, or in one of fifty cases a log-normal amount.
func sale(r *rand.Rand) float64 {
	if r.Float64() >= .02 {
		return 0
	}
	return 50 * logNormal(1)(r)
}

func coin(p float64) source {
	return func(r *rand.Rand) float64 {
		if r.Float64() < p {
			return 1
		}
		return 0
	}
}

// overconfident scores have the distribution of a calibrated model's, but more
// of the negatives among the high ones.
func overconfident() scored { return newScored(0.15, bell(-1.4, 1.2), bell(.6, 1.2)) }

var (
	even = tilted(0, truePSI)
	ramp = []float64{.01, .05, .10, .25, .50}
)

// boundary are the worlds whose true value is the limit.
func boundary() []world {
	auc80, auc82, auc97 := shifted(.2, .80), shifted(.2, .82), shifted(.2, .97)
	f60, f63 := []float64{.12, .08, .08, .72}, []float64{.12, .07, .07, .74}
	cal := overconfident()
	cal2 := newScored(0.15, bell(-1.6, 1.2), bell(.6, 1.2))
	psi10, psi20 := tilted(.1, truePSI), tilted(.2, truePSI)
	ks10 := tilted(.1, trueKS)
	return []world{
		{name: "AUC against 0.80", sides: "both", perLook: perLook, start: aucAbsolute(auc80, trueAUC(auc80))},
		{name: "AUC against 0.97", sides: "both", perLook: perLook, start: aucAbsolute(auc97, trueAUC(auc97))},
		{name: "AUC against baseline − 0.02", sides: "both", perLook: perLook, start: aucRelative(auc80, auc82, trueAUC(auc80)-trueAUC(auc82))},
		{name: "F1 against 0.6", sides: "both", perLook: perLook, start: f1Absolute(f60, trueF1(f60))},
		{name: "F1 against baseline · 0.95", sides: "both", perLook: perLook, start: f1Relative(f60, f63, trueF1(f60)/trueF1(f63), 0)},
		{name: "RMSE, normal errors", sides: "both", perLook: perLook, start: rmseAbsolute(normal(1), 1)},
		{name: "RMSE, Laplace errors", sides: "both", perLook: perLook, start: rmseAbsolute(laplace(1), math.Sqrt2)},
		{name: "RMSE, Laplace, baseline · 1.1", sides: "both", perLook: perLook, start: rmseRelative(laplace(1.1), laplace(1), 1.1, 0)},
		{name: "calibration error", sides: "both", perLook: perLook, start: calibration(cal, trueCalibration(cal))},
		{name: "calibration error, baseline + margin", sides: "both", perLook: perLook, start: calibrationRelative(cal, cal2, trueCalibration(cal)-trueCalibration(cal2))},
		{name: "PSI 0.1", sides: "both", perLook: perLook, start: psi(psi10, even, .1)},
		{name: "PSI 0.2", sides: "both", perLook: perLook, start: psi(psi20, even, .2)},
		{name: "KS 0.1", sides: "both", perLook: perLook, start: ks(ks10, even, trueKS(ks10, even))},
		{name: "mean, exponential", sides: "both", perLook: perLook, start: meanAbsolute(exponential(1), 1)},
		{name: "mean, log-normal σ = 1 (twice the runs)", sides: "both", perLook: perLook, start: meanAbsolute(logNormal(1), 1), near: true},
		{name: "mean, 5 % ones", sides: "both", perLook: perLook, start: meanAbsolute(coin(.05), .05)},
		{name: "mean, sales to 2 % of visitors", sides: "both", perLook: perLook, start: meanAbsolute(sale, 1)},
		{name: "mean, the same against baseline", sides: "both", perLook: perLook, start: meanRelative(sale, sale, 1, 0)},
		{name: "mean, exponential, baseline · 0.95", sides: "both", perLook: perLook, start: meanRelative(exponential(.95), exponential(1), .95, 0)},
		{name: "mean, ramp and drift, pooled", sides: "both", perLook: perLook, start: meanRamp(length)},
		{name: "split at 10 %", sides: "above", perLook: perLook, start: split(length, []float64{.1}, 1)},
		{name: "split, ramp 1-5-10-25-50 %", sides: "above", perLook: perLook, start: split(length, ramp, 1)},
		{name: "missing outcomes, drifting", sides: "above", perLook: perLook, start: missing(1)},
	}
}

// power are worlds beyond their limits (above, below) by a stated amount.
func power() []world {
	auc70, auc80, f60, f50 := shifted(.2, .70), shifted(.2, .80), []float64{.12, .08, .08, .72}, []float64{.10, .10, .10, .70}
	psi50, ks20 := tilted(.5, truePSI), tilted(.2, trueKS)
	honest := overconfident()
	worse := newScored(0.15, bell(-.9, 1.2), bell(1.1, 1.2))
	return []world{
		{name: "AUC 0.70, `auc >= 0.80`", sides: "below", perLook: perLook, start: aucAbsolute(auc70, .8)},
		{name: "AUC 0.70 against 0.80, `auc >= baseline - 0.02`", sides: "below", perLook: perLook, start: aucRelative(auc70, auc80, -.02)},
		{name: "AUC equal, `auc >= baseline - 0.05`, SAFE", sides: "above", perLook: perLook, start: aucRelative(auc80, auc80, -.05)},
		{name: "AUC equal, `auc >= baseline - 0.02`, SAFE", sides: "above", perLook: perLook, start: aucRelative(auc80, auc80, -.02)},
		{name: "F1 0.5 against 0.6, `f1 >= baseline * 0.95`", sides: "below", perLook: perLook, start: f1Relative(f50, f60, .95, 0)},
		{name: "F1 equal, `f1 >= baseline * 0.9`, SAFE", sides: "above", perLook: perLook, start: f1Relative(f60, f60, .9, 0)},
		{name: "RMSE +20 %, `rmse <= baseline * 1.05`", sides: "above", perLook: perLook, start: rmseRelative(normal(1.2), normal(1), 1.05, 0)},
		{name: "RMSE equal, `rmse <= baseline * 1.05`, SAFE", sides: "below", perLook: perLook, start: rmseRelative(normal(1), normal(1), 1.05, 0)},
		{name: "calibration error worse by 0.09, `<= baseline + 0.02`", sides: "above", perLook: perLook, start: calibrationRelative(worse, honest, .02)},
		{name: "calibration error equal, `<= baseline + 0.05`, SAFE", sides: "below", perLook: perLook, start: calibrationRelative(honest, honest, .05)},
		{name: "PSI 0.5, `psi <= 0.2`", sides: "above", perLook: perLook, start: psi(psi50, even, .2)},
		{name: "PSI 0, `psi <= 0.2`, SAFE", sides: "below", perLook: perLook, start: psi(even, even, .2)},
		{name: "PSI 0, `psi <= 0.1`, SAFE", sides: "below", perLook: perLook, start: psi(even, even, .1)},
		{name: "KS 0.2, `ks <= 0.1`", sides: "above", perLook: perLook, start: ks(ks20, even, .1)},
		{name: "KS 0, `ks <= 0.2`, SAFE", sides: "below", perLook: perLook, start: ks(even, even, .2)},
		{name: "mean −10 % (exponential), `>= baseline`", sides: "below", perLook: perLook, start: meanRelative(exponential(.9), exponential(1), 1, 0)},
		{name: "mean −10 % (exponential), `>= baseline * 0.98`", sides: "below", perLook: perLook, start: meanRelative(exponential(.9), exponential(1), .98, 0)},
		{name: "mean equal (exponential), `>= baseline * 0.95`, SAFE", sides: "above", perLook: perLook, start: meanRelative(exponential(1), exponential(1), .95, 0)},
		{name: "split 11 % for 10 %", sides: "above", perLook: perLook, start: split(length, []float64{.1}, 1.1)},
		{name: "split 15 % for 10 %", sides: "above", perLook: perLook, start: split(length, []float64{.1}, 1.5)},
		{name: "split 0 % for 50 %", sides: "above", perLook: perLook, start: split(length, []float64{.5}, 0)},
		{name: "missing outcomes 10 % against 5 %", sides: "above", perLook: perLook, start: missing(2)},
	}
}
