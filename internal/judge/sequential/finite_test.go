package sequential

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is counted, nothing that is no number comes out.
func TestNothingLeavesTheNumbers(t *testing.T) {
	number := rapid.OneOf(
		rapid.SampledFrom([]float64{0, 1, -1, 1e-300, 1e300, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN()}),
		rapid.Float64Range(0, 1e6), rapid.Float64())
	histogram := rapid.SliceOfN(number, 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		x := func() float64 { return number.Draw(t, "x") }
		c, b := histogram.Draw(t, "c"), histogram.Draw(t, "b")
		over := rapid.Bool().Draw(t, "over")
		limit, alpha := x(), x()
		check := func(name string, v ...float64) {
			for _, v := range v {
				if !finite(v) {
					t.Fatalf("%s: %v", name, v)
				}
			}
		}
		speak := func(name string, e Estimate) {
			check(name, e.Value, e.SE, e.N, e.Beyond(limit, alpha, over))
		}
		a := NewAUC(c, b).Estimate()
		m := Moments{x(), x(), x()}.Estimate()
		speak("auc", a)
		speak("mean", m)
		speak("difference", Difference(a, m, rapid.Float64Range(-1e3, 1e3).Draw(t, "factor")))
		speak("pool", Pool([]Estimate{a, m, Calibration(c, b)}))
		speak("calibration", Calibration(c, b))
		v, se := RMSE(x(), x(), x())
		check("rmse", v, se)
		v, se = F1(x(), x(), x())
		check("f1", v, se)
		v, se = PSI(Group(c, Deciles(b)), Group(b, Deciles(b)))
		check("psi", v, se)
		check("ks", KS(c, b), KSEvidence(KS(c, b), x(), x(), limit, over))
		var s SampleRatio
		var p Proportions
		for range 3 {
			s.Add(x(), x(), rapid.OneOf(number, rapid.Float64Range(0, 1)).Draw(t, "weight"))
			p.Add(x(), x(), x(), x())
			check("accumulated", s.LnE(), s.Closed, p.LnE())
		}
	})
}
