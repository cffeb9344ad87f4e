package judge

import (
	"math"

	"github.com/headgate/headgate/internal/judge/sequential"
	"github.com/headgate/headgate/internal/kpi"
)

// pairState is the evidence about one ordered pair of the candidate's groups:
// that the share of favourable answers in G is at least the limit times that in
// H. Exported fields are its state.
type pairState struct {
	G, H string
	Side side
	Fail failProcess
	Pass passProcess
}

// addPairs judges the candidate's groups against each other. A pair begins once
// enough of both groups was seen to say how to count it; what was seen until
// then is not judged.
func (g *gate) addPairs(state *gateState, in *closed) {
	g.beginPairs(state, in.past)
	t := g.rollback
	for i := range state.Pairs {
		p := &state.Pairs[i]
		rate := g.pastOf(in.past, *p)
		p.Fail.restart(in.restarts, in.From)
		p.Fail.add(t.null(t.ratio(), p.Side), g.pairTally(*p, in.fresh), rate, ratios(true, t.up(p.Side), p.Side))
		if r := g.require; r != nil {
			p.Pass.add(r.null(r.ratio(), p.Side), g.pairTally(*p, in.stepOnly), rate, r.passRatios(p.Side))
		}
	}
}

// ratio is the limit as a null between two groups.
func (t *test) ratio() component { return component{null: null{a: t.cond.Offset}} }

func (g *gate) beginPairs(state *gateState, p *past) {
	prefix := g.rollback.cond.subject.source
	seen := readings{}
	for name := range p.Groups {
		seen[name] = nil
	}
	groups := seen.under(prefix)
	for _, a := range groups {
		for _, b := range groups {
			if a == b || g.hasPair(state, a, b) || p.Groups[prefix+a].N < enoughToChoose || p.Groups[prefix+b].N < enoughToChoose {
				continue
			}
			s := direct
			if p.Groups[prefix+b].rate() > rarer {
				s = inverse
			}
			state.Pairs = append(state.Pairs, pairState{
				G: a, H: b, Side: s, Fail: newFailProcess(len(ratios(true, g.rollback.up(s), s))), Pass: g.newPairPass(s),
			})
		}
	}
}

func (g *gate) hasPair(state *gateState, a, b string) bool {
	for _, p := range state.Pairs {
		if p.G == a && p.H == b {
			return true
		}
	}
	return false
}

func (g *gate) newPairPass(s side) passProcess {
	if g.require == nil {
		return passProcess{}
	}
	return newPassProcess(g.require.passRatios(s))
}

func (g *gate) pairTally(p pairState, arms [2]readings) tally {
	prefix := g.rollback.cond.subject.source
	one, other := arms[kpi.Candidate].get(prefix+p.G), arms[kpi.Candidate].get(prefix+p.H)
	t := tally{kc: float64(one.K), nc: float64(one.N), kb: float64(other.K), nb: float64(other.N)}
	if p.Side == inverse {
		t.kc, t.kb = t.nc-t.kc, t.nb-t.kb
	}
	return t
}

// pastOf is the past share of the second group, as it is counted.
func (g *gate) pastOf(p *past, pair pairState) float64 {
	rate := p.Groups[g.rollback.cond.subject.source+pair.H].rate()
	if pair.Side == inverse {
		return 1 - rate
	}
	return rate
}

// failPairs is ln of a mixture: the pair that appeared i-th has the weight
// 1/(i(i+1)), whatever is to come the rest. Every pair's process is valid when
// no pair is beyond the limit, so their mixture is.
func failPairs(ps []pairState) float64 {
	ln := -math.Log(float64(len(ps) + 1)) // 1 − Σ 1/(i(i+1))
	for i := range ps {
		n := float64(i + 1)
		ln = sequential.LogAdd(ln, ps[i].Fail.logE()-math.Log(n*(n+1)))
	}
	return ln
}

// passPairs: all pairs have to be within the limit, so the weakest counts. 0
// without any.
func passPairs(ps []pairState) float64 {
	if len(ps) == 0 {
		return 0
	}
	ln := math.Inf(1)
	for i := range ps {
		ln = min(ln, ps[i].Pass.Best)
	}
	return ln
}

// worstRatio is the smallest ratio between the shares of two groups; nil with
// fewer than two.
func worstRatio(rs readings, prefix string) *float64 {
	low, high, groups := math.Inf(1), 0.0, 0
	for _, name := range rs.under(prefix) {
		if r := rs[prefix+name]; r.N > 0 {
			rate := float64(r.K) / float64(r.N)
			low, high = min(low, rate), max(high, rate)
			groups++
		}
	}
	if groups < 2 || high == 0 {
		return nil
	}
	ratio := low / high
	return &ratio
}
