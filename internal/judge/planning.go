package judge

import (
	"fmt"
	"math"
	"strconv"

	"github.com/headgate/headgate/internal/judge/sequential"
)

// Outlook is what is assumed of the traffic when a gate is planned.
type Outlook struct {
	Rate   float64            // requests per second, both arms together
	Weight float64            // the candidate's share, 0 to 1
	Base   map[string]float64 // usual values by KPI; see PlanBase
}

// Planned is what the gate can show in one step. Times are seconds of evidence:
// warm-up and the windows of outcomes come on top.
type Planned struct {
	// Show is how long an equal candidate takes to pass; nil when it never does.
	Show *float64
	// Margin is the smallest margin beside the baseline that an equal candidate is
	// shown to keep within the hold; nil when none is, or it makes no sense.
	Margin *float64
	// Seen is how far beyond the limit to roll back a candidate is whose failure is
	// expected to be seen within the hold; nil when not even the worst is.
	Seen *float64
	// Base is the value that both arms were assumed to have; Assumed when it is not
	// from the caller.
	Base    float64
	Assumed bool
	// Why says why nothing can be said; "" otherwise.
	Why string
}

// longest time that a plan speaks of, in seconds.
const longest = 10 * 365 * 86400

// usual values where nothing is said about a KPI.
var usual = map[string]float64{"error_rate": .005, "ctr": .1, "conversion": .02, "auc": .9, "f1": .8, "agreement": .99, "parity": 1, "equal_opportunity": 1}

// PlanBase is the value that a plan assumes for the condition's KPI, and whether
// the caller gave it. Of an absolute latency limit it is the share of requests
// over it.
func PlanBase(c Condition, base map[string]float64) (v float64, given bool) {
	if v, given = base[c.KPI]; given {
		return v, true
	}
	return usual[c.KPI], false
}

// Plan estimates what gate i can show within a hold of that many seconds. It
// follows the expected growth of the gate's own evidence.
func (c Config) Plan(i int, o Outlook, hold float64) Planned {
	require, rollback, err := c.Gates[i].conditions()
	if err != nil || c.Gates[i].Expr != "" {
		return Planned{Why: "no test: values are taken as they are"}
	}
	p := Planned{}
	p.Base, p.Assumed = PlanBase(rollback, o.Base)
	p.Assumed = !p.Assumed
	if p.Why = rollback.unplanned(); p.Why != "" {
		return p
	}
	if require != nil {
		pass := planner{cond: *require, o: o, base: p.Base, need: -math.Log(float64(c.FalsePass)), alpha: float64(c.FalsePass)}
		p.Show = pass.time(p.Base)
		p.Margin = pass.margin(hold)
	}
	fail := planner{cond: rollback, o: o, base: p.Base, worse: true, need: -math.Log(c.alpha(i)), alpha: c.alpha(i)}
	p.Seen = fail.seen(hold)
	return p
}

// unplanned says what would have to be known to plan the condition.
func (c Condition) unplanned() string {
	switch {
	case c.subject.family == tail && c.Baseline:
		return "depends on the shape of the latencies"
	case c.subject.either, c.KPI == "rmse":
		return "depends on the spread of the values"
	case c.subject.family == tail && c.more():
		return "depends on the shape of the rates"
	}
	return ""
}

// planner follows one side of a gate.
type planner struct {
	cond  Condition
	o     Outlook
	base  float64 // both arms' value
	worse bool
	need  float64 // ln E
	alpha float64
}

// time until the evidence of a candidate with that value reaches need; nil when
// it never does.
func (p planner) time(candidate float64) *float64 {
	low, high := 0.0, float64(longest)
	if p.lnE(candidate, high) < p.need {
		return nil
	}
	for range 80 {
		if mid := (low + high) / 2; p.lnE(candidate, mid) >= p.need {
			high = mid
		} else {
			low = mid
		}
	}
	least := p.stratum()
	return ptr(max(high, least))
}

// stratum is how long one lasts, in seconds; see kpi.CloseDue.
func (p planner) stratum() float64 { return max(1, min(10, 5/(p.o.Rate*p.o.Weight))) }

// lnE is the expected evidence after t seconds.
func (p planner) lnE(candidate, t float64) float64 {
	nc, nb := p.o.Rate*p.o.Weight*t, p.o.Rate*(1-p.o.Weight)*t
	c := p.cond
	switch c.subject.family {
	case events, tail:
		return p.growing(c.planNull(), p.base, candidate, t)
	case flow:
		return p.growing(null{d: c.Offset, unbounded: true}, c.Offset, candidate, t)
	case pairs: // two groups of the same size: the one with the ratio against the other
		half := p
		half.o.Rate, half.o.Weight = p.o.Rate*p.o.Weight, .5
		const favourable = .5
		return half.growing(null{a: c.Offset}, favourable, favourable*candidate, t)
	case whole:
		return p.whole(candidate, nc, nb)
	case freedom:
	}
	return 0
}

func (c Condition) planNull() null {
	if c.subject.family == tail {
		return null{d: beyond(c.subject.quantile[0], c.more())}
	}
	return null{a: c.Factor, d: c.Offset}
}

// growing is the mixture of expected growths of a process.
func (p planner) growing(n null, base, candidate, t float64) float64 {
	test := &test{cond: p.cond, worse: p.worse}
	s := direct
	if p.cond.more() && base > rarer && n.a <= 1 && !n.unbounded {
		s = inverse
		n = n.opposite()
		base, candidate = 1-base, 1-candidate
	}
	n.scaled = !p.worse
	part := p.stratum()
	one := tally{nc: p.o.Rate * p.o.Weight * part, nb: p.o.Rate * (1 - p.o.Weight) * part}
	if n.unbounded {
		one.nc = part
	}
	one.kc, one.kb = one.nc*candidate, one.nb*base
	if n.a == 0 {
		one.nb, one.kb = 0, 0
	}
	history := p.o.Rate * (1 - p.o.Weight) * halfLife.Seconds()
	past := (0.5 + history*base) / (1 + history)
	if !p.worse {
		rs := test.passRatios(s)
		ln := math.Inf(-1)
		for j, mass := range newPassProcess(rs).Parts {
			ln = sequential.LogAdd(ln, mass+n.logE(one, rs[j], past)*t/part)
		}
		return ln
	}
	rs := ratios(true, test.up(s), s)
	ln := math.Inf(-1)
	for _, r := range rs {
		ln = sequential.LogAdd(ln, n.logE(one, r, past)*t/part)
	}
	return ln - math.Log(float64(len(rs))) - math.Ln2 // half of the mass starts at once
}

// whole is the evidence of a confidence sequence at the expected estimate.
func (p planner) whole(candidate, nc, nb float64) float64 {
	c := p.cond
	over := p.worse != c.more()
	switch {
	case c.grouped():
		const groups = 10
		n := sequential.Effective(nc, nb)
		se := math.Sqrt(2*(groups-1)/(n*n) + 4*candidate/max(n, 1))
		return sequential.Beyond(candidate, c.Offset, se, n, p.alpha, over)
	case c.betweenArms():
		return sequential.KSEvidence(candidate, nc, nb, c.Offset, over)
	}
	spread := c.spread(p.base)
	ec := sequential.Estimate{Value: candidate, SE: spread / math.Sqrt(max(nc, 1)), N: nc / 2}
	if !c.Baseline {
		return ec.Beyond(c.Offset, p.alpha, over)
	}
	eb := sequential.Estimate{Value: p.base, SE: spread / math.Sqrt(max(nb, 1)), N: nb / 2}
	return sequential.Difference(ec, eb, c.Factor).Beyond(c.Offset, p.alpha, over)
}

// spread is the standard error for one label, with labels half and half. Of an
// AUC by Hanley and McNeil 1982.
func (c Condition) spread(v float64) float64 {
	if c.KPI == "auc" {
		q1, q2 := v/(2-v), 2*v*v/(1+v)
		return math.Sqrt(2 * (q1 + q2 - 2*v*v))
	}
	return math.Sqrt(max(v*(1-v), 0.01) * 2)
}

// margin is the smallest one that an equal candidate is shown to keep in time.
func (p planner) margin(hold float64) *float64 {
	c := p.cond
	if !c.Baseline || c.Factor != 1 || c.subject.family != events && c.subject.family != whole {
		return nil
	}
	keeps := func(margin float64) bool {
		one := p
		one.cond.Offset = margin
		if c.more() {
			one.cond.Offset = -margin
		}
		return one.lnE(p.base, hold) >= p.need
	}
	most := 1.0
	if c.more() {
		most = p.base * 0.99 // below nothing there is no limit
	}
	return smallest(keeps, most)
}

// seen is how far beyond the limit a candidate is seen to be in time.
func (p planner) seen(hold float64) *float64 {
	limit := p.limit()
	away, most := 1.0, 1-limit
	if p.cond.more() {
		away, most = -1, limit
	}
	if p.cond.subject.unit == number && !p.cond.atMostOne() {
		most = max(1, limit)
		if p.cond.more() {
			most = limit
		}
	}
	if most <= 0 {
		return nil
	}
	return smallest(func(effect float64) bool { return p.lnE(limit+away*effect, hold) >= p.need }, most)
}

// limit in the units that the evidence counts in.
func (p planner) limit() float64 {
	c := p.cond
	switch {
	case c.subject.family == tail:
		return beyond(c.subject.quantile[0], c.more())
	case c.Baseline:
		return c.Factor*p.base + c.Offset
	}
	return c.Offset
}

// smallest argument from which on the condition holds; nil when not at most.
func smallest(holds func(float64) bool, most float64) *float64 {
	if !holds(most) {
		return nil
	}
	low, high := 0.0, most
	for range 60 {
		if mid := (low + high) / 2; holds(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return &high
}

// EffectText says an effect or a margin of the condition's KPI. Of a latency
// limit it is a share of requests.
func (c Condition) EffectText(v float64) string {
	if c.subject.unit == share || c.subject.family == tail {
		return plainText(v*100) + " points"
	}
	return c.value(ptr(roundTo(v, 2)))
}

// SeenText says which candidate is seen to fail: that far beyond its limit.
func (c Condition) SeenText(v float64) string {
	if c.subject.family != tail {
		return "a candidate " + c.EffectText(v) + " beyond its limit"
	}
	most := beyond(c.subject.quantile[0], c.more())
	return fmt.Sprintf("a candidate with %s%% of its requests beyond the limit instead of %s%%", plainText((most+v)*100), plainText(most*100))
}

// plainText has two digits and no exponent.
func plainText(v float64) string { return strconv.FormatFloat(roundTo(v, 2), 'f', -1, 64) }

// Delayed is the kind of outcomes that the condition waits for; "" = none.
func (c Condition) Delayed() string {
	return c.subject.need(0, "", "").Outcome
}
