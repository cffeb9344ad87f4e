package judge

import "math"

// TimeToShow estimates how long an equal candidate takes to pass the named gate:
// seconds at rate requests per second, weight of them to the candidate, when
// both arms have baseRate events (failures; for an absolute latency limit, the
// share of requests over it). It follows the expected growth of the gate's own
// e-process. False for a guard, an unknown gate, a margin on the baseline's
// latency (which depends on the shape of the latencies), and when such a
// candidate would never pass.
func (c Config) TimeToShow(gate string, rate, weight, baseRate float64) (seconds float64, ok bool) {
	for _, g := range c.Gates {
		require, _, err := g.conditions()
		if g.Name != gate || err != nil || require == nil {
			continue
		}
		n, ok := require.planningNull()
		if !ok || rate <= 0 || weight <= 0 || weight > 1 || baseRate < 0 || baseRate >= 1 {
			return 0, false
		}
		return n.timeToShow(rate, weight, baseRate, -math.Log(float64(c.FalsePass)))
	}
	return 0, false
}

func (c Condition) planningNull() (null, bool) {
	switch {
	case !c.latency():
		return null{a: c.Factor, d: c.Offset}, true
	case !c.Baseline:
		return null{d: above(c.quantiles()[0])}, true
	}
	return null{}, false
}

// timeToShow finds when the mixture of expected growths reaches need.
func (n null) timeToShow(rate, weight, p, need float64) (float64, bool) {
	perStratum := max(1, min(10, 5/(rate*weight))) // seconds; see kpi.CloseDue
	t := tally{nc: rate * weight * perStratum, nb: rate * (1 - weight) * perStratum}
	t.kc, t.kb = t.nc*p, t.nb*p
	if n.a == 0 {
		t.nb, t.kb = 0, 0
	}
	history := rate * (1 - weight) * halfLife.Seconds()
	past := (0.5 + history*p) / (1 + history)
	var growth [len(passRatios)]float64
	best := 0.0
	for j, r := range passRatios {
		growth[j] = n.logE(t, r, past) / perStratum
		best = max(best, growth[j])
	}
	if best <= 0 {
		return 0, false
	}
	at := func(seconds float64) float64 {
		ln := math.Inf(-1)
		for _, g := range growth {
			ln = logAdd(ln, g*seconds)
		}
		return ln - math.Log(float64(len(growth)))
	}
	low, high := 0.0, (need+math.Log(float64(len(growth))))/best
	for range 60 {
		if mid := (low + high) / 2; at(mid) >= need {
			high = mid
		} else {
			low = mid
		}
	}
	return max(high, perStratum), true
}
