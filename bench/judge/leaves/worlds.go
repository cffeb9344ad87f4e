package main

import (
	"math"
	"math/rand/v2"

	seq "github.com/headgate/headgate/internal/judge/sequential"
)

// look is the evidence after a stratum, toward above the limit (over) or below.
type look func(alpha float64, over bool) float64

// world is one simulated quantity. start begins a run; what it returns adds a
// stratum of perLook candidate samples, nine times as many on the baseline.
type world struct {
	name    string
	sides   string // which sides are on the boundary: "both", "above", "below"
	perLook int
	start   func(*rand.Rand) func() look
	near    bool // to its α: takes twice the runs
}

const (
	perLook = 50
	ratio   = 9 // baseline samples to one of the candidate
)

func against(e seq.Estimate, limit float64) look {
	return func(alpha float64, over bool) float64 { return e.Beyond(limit, alpha, over) }
}

func aucAbsolute(s scored, limit float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		h := fresh()
		return func() look {
			s.draw(r, h, perLook)
			return against(seq.NewAUC(h[1], h[0]).Estimate(), limit)
		}
	}
}

func aucRelative(c, b scored, limit float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		hc, hb := fresh(), fresh()
		return func() look {
			c.draw(r, hc, perLook)
			b.draw(r, hb, ratio*perLook)
			ec, eb := seq.NewAUC(hc[1], hc[0]).Estimate(), seq.NewAUC(hb[1], hb[0]).Estimate()
			return against(seq.Difference(ec, eb, 1), limit)
		}
	}
}

func f1(cells []float64, n int, a alias, r *rand.Rand) seq.Estimate {
	fill(a, r, cells, n)
	value, se := seq.F1(cells[0], cells[1], cells[2])
	return seq.Estimate{Value: value, SE: se, N: cells[0] + cells[1] + cells[2]}
}

func f1Absolute(c []float64, limit float64) func(*rand.Rand) func() look {
	a := newAlias(c)
	return func(r *rand.Rand) func() look {
		cells := make([]float64, 4)
		return func() look { return against(f1(cells, perLook, a, r), limit) }
	}
}

func f1Relative(c, b []float64, factor, limit float64) func(*rand.Rand) func() look {
	ac, ab := newAlias(c), newAlias(b)
	return func(r *rand.Rand) func() look {
		cc, cb := make([]float64, 4), make([]float64, 4)
		return func() look {
			ec, eb := f1(cc, perLook, ac, r), f1(cb, ratio*perLook, ab, r)
			return against(seq.Difference(ec, eb, factor), limit)
		}
	}
}

// source draws one value.
type source func(*rand.Rand) float64

type errorsOf struct{ n, square, fourth float64 }

func (e *errorsOf) draw(s source, n int, r *rand.Rand) seq.Estimate {
	for range n {
		x := s(r)
		e.n, e.square, e.fourth = e.n+1, e.square+x*x, e.fourth+x*x*x*x
	}
	value, se := seq.RMSE(e.n, e.square, e.fourth)
	return seq.Estimate{Value: value, SE: se, N: e.n}
}

func rmseAbsolute(s source, limit float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		var e errorsOf
		return func() look { return against(e.draw(s, perLook, r), limit) }
	}
}

func rmseRelative(c, b source, factor, limit float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		var ec, eb errorsOf
		return func() look {
			return against(seq.Difference(ec.draw(c, perLook, r), eb.draw(b, ratio*perLook, r), factor), limit)
		}
	}
}

func mean(m *seq.Moments, s source, n int, r *rand.Rand) seq.Estimate {
	for range n {
		m.Add(s(r))
	}
	return m.Estimate()
}

func meanAbsolute(s source, limit float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		var m seq.Moments
		return func() look { return against(mean(&m, s, perLook, r), limit) }
	}
}

func meanRelative(c, b source, factor, limit float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		var mc, mb seq.Moments
		return func() look {
			return against(seq.Difference(mean(&mc, c, perLook, r), mean(&mb, b, ratio*perLook, r), factor), limit)
		}
	}
}

// meanRamp ramps the candidate's share 1, 5, 10, 25, 50 % while the values of
// both arms drift to twice theirs; spans are pooled.
func meanRamp(length int) func(*rand.Rand) func() look {
	weights := [...]float64{.01, .05, .10, .25, .50}
	return func(r *rand.Rand) func() look {
		var spans []seq.Estimate
		var mc, mb seq.Moments
		step, done := 0, 0
		return func() look {
			if s := min(len(weights)-1, done*len(weights)/length); s != step {
				spans = append(spans, seq.Difference(mc.Estimate(), mb.Estimate(), 1))
				step, mc, mb = s, seq.Moments{}, seq.Moments{}
			}
			level := 1 + float64(done)/float64(length)
			s := func(r *rand.Rand) float64 { return level * r.ExpFloat64() }
			c := mean(&mc, s, perLook, r)
			b := mean(&mb, s, int(perLook*(1-weights[step])/weights[step]), r)
			done += perLook
			return against(seq.Pool(append(spans[:len(spans):len(spans)], seq.Difference(c, b, 1))), 0)
		}
	}
}

func calibration(s scored, limit float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		h := fresh()
		return func() look {
			s.draw(r, h, perLook)
			return against(seq.Calibration(h[1], h[0]), limit)
		}
	}
}

func calibrationRelative(c, b scored, limit float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		hc, hb := fresh(), fresh()
		return func() look {
			c.draw(r, hc, perLook)
			b.draw(r, hb, ratio*perLook)
			return against(seq.Difference(seq.Calibration(hc[1], hc[0]), seq.Calibration(hb[1], hb[0]), 1), limit)
		}
	}
}

// pair draws both arms' histograms and hands them to judge.
func pair(c, b []float64, judge func(hc, hb []float64) look) func(*rand.Rand) func() look {
	ac, ab := newAlias(c), newAlias(b)
	return func(r *rand.Rand) func() look {
		hc, hb := make([]float64, len(c)), make([]float64, len(b))
		return func() look {
			fill(ac, r, hc, perLook)
			fill(ab, r, hb, ratio*perLook)
			return judge(hc, hb)
		}
	}
}

func psi(c, b []float64, limit float64) func(*rand.Rand) func() look {
	return pair(c, b, func(hc, hb []float64) look {
		value, se := seq.PSI(hc, hb)
		return against(seq.Estimate{Value: value, SE: se, N: seq.Effective(total(hc), total(hb))}, limit)
	})
}

func ks(c, b []float64, limit float64) func(*rand.Rand) func() look {
	return pair(c, b, func(hc, hb []float64) look {
		d := seq.KS(hc, hb)
		nc, nb := total(hc), total(hb)
		return func(_ float64, over bool) float64 { return seq.KSEvidence(d, nc, nb, limit, over) }
	})
}

func total(h []float64) (sum float64) {
	for _, n := range h {
		sum += n
	}
	return sum
}

// split ramps the weight over the run and misroutes by factor. Looks are at
// every 50 requests of both arms.
func split(length int, weights []float64, factor float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		var s seq.SampleRatio
		done := 0
		return func() look {
			w := weights[min(len(weights)-1, done*len(weights)/length)]
			k := binomial(perLook, w*factor, r)
			s.Add(k, perLook-k, w)
			done += perLook
			ln := s.LnE()
			return func(float64, bool) float64 { return ln }
		}
	}
}

// missing drifts both arms' shares of missing outcomes between 2 and 8 %.
func missing(factor float64) func(*rand.Rand) func() look {
	return func(r *rand.Rand) func() look {
		var p seq.Proportions
		strata := 0.0
		return func() look {
			q := 0.05 + 0.03*math.Sin(strata/20)
			strata++
			p.Add(binomial(perLook, q*factor, r), perLook, binomial(ratio*perLook, q, r), ratio*perLook)
			ln := p.LnE()
			return func(float64, bool) float64 { return ln }
		}
	}
}
