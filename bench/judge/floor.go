package main

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
)

// information is what one request can tell at best, in nats, of a candidate that
// fails at pc beside a baseline at pb, against the limit pc = a·pb + d, when the
// share rho of the requests goes to the candidate:
//
//	I = min over p of ρ·KL(pc‖a·p+d) + (1−ρ)·KL(pb‖p)
//
// No test that is wrong with probability α at most stops, on average, before
// ln(1/α)/I requests.
func information(rho, pc, pb, a, d float64) float64 {
	at := func(p float64) float64 { return rho*divergence(pc, a*p+d) + (1-rho)*divergence(pb, p) }
	low, high := 0.0, math.Min(1, (1-d)/a)
	const golden = 0.6180339887498949
	for range 200 { // the sum is convex in p
		left, right := high-golden*(high-low), low+golden*(high-low)
		if at(left) < at(right) {
			high = right
		} else {
			low = left
		}
	}
	return at((low + high) / 2)
}

// divergence is KL(p‖q) of two coins, in nats.
func divergence(p, q float64) float64 {
	part := func(p, q float64) float64 {
		if p == 0 {
			return 0
		}
		return p * math.Log(p/q)
	}
	return part(p, q) + part(1-p, 1-q)
}

// floor is the mean delay, in seconds, that no method can beat at the error
// probability; 0 where it is not known. Where rates or weights change it is the
// time after which the information adds up to ln(1/α).
func (w *world) floor(error float64) float64 {
	if w.sticky || w.late != nil && w.late.auc[kpi.Baseline] > 0 {
		return 0
	}
	a, d, ok := limit(w.gates[0])
	if !ok {
		return 0
	}
	const step = 250 * time.Millisecond
	need := math.Log(1 / error)
	for now := w.bad; now < w.length; now += step {
		t := (now + step/2).Seconds()
		rho := w.weight(now)
		known := 0.0
		switch pc, pb := w.cand(t), w.base(t); {
		case w.late != nil:
			if now >= w.late.lag {
				known = information(rho, w.late.clicks[kpi.Candidate], w.late.clicks[kpi.Baseline], a, d)
			}
		case w.slower > 0:
			// Two log-normals of one known shape: nobody knows more than that.
			shift := math.Log(w.slower / a)
			known = rho * (1 - rho) * shift * shift / (2 * w.spread * w.spread)
		case pc != a*pb+d:
			known = information(rho, pc, pb, a, d)
		}
		gain := known * w.rate(t)
		if gain*step.Seconds() >= need {
			return (now - w.bad).Seconds() + need/gain
		}
		need -= gain * step.Seconds()
	}
	return math.Inf(1)
}

// limit is the linear limit that the gate is tested against.
func limit(g judge.GateConfig) (a, d float64, ok bool) {
	text := g.RollbackWhen
	if text == "" {
		text = g.Require
	}
	c, err := judge.ParseCondition(text)
	if err != nil || !c.Baseline {
		return 0, 0, false
	}
	return c.Factor, c.Offset, true
}
