package judge

import (
	"fmt"
	"strings"

	"github.com/headgate/headgate/internal/kpi"
)

// In a shadow step the candidate gets copies of requests and no users. Gates
// speak there whose KPI is measured on the copies' answers, or on what became
// known later of the requests they were copied from. All others are silent: they
// neither hold the step up nor take anything back. What only copies can show
// (agreement, shadow.*) keeps its last verdict in the steps behind it.

// copiesOnly says whether nothing but mirrored copies measures the KPI.
func (s subject) copiesOnly() bool {
	return s.source == kpi.MeasureAgreement || s.source == kpi.MeasureShadow
}

// onCopies says whether mirrored copies measure the KPI, among other things.
func (s subject) onCopies() bool {
	switch s.source {
	case kpi.MeasurePositive, kpi.MeasureSquareError, kpi.MeasureGroup, kpi.MeasureOpportunity, kpi.MeasureScore:
		return true
	}
	return s.copiesOnly() || strings.HasPrefix(s.source, kpi.MeasureInput) || strings.HasPrefix(s.source, kpi.MeasureValue)
}

// subjects that the gate reads.
func (g *gate) subjects() []subject {
	if g.free == nil {
		return []subject{g.rollback.cond.subject} // the limit to advance is about the same KPI
	}
	var out []subject
	for _, r := range g.free.reads {
		if r.arm == kpi.Candidate { // the baseline has its users in a shadow step too
			out = append(out, r.kpi.subject)
		}
	}
	return out
}

// copiesOnly says whether the gate speaks in shadow steps alone.
func (g *gate) copiesOnly() bool {
	for _, s := range g.subjects() {
		if s.copiesOnly() {
			return true
		}
	}
	return false
}

// onCopies says whether the gate speaks in a shadow step.
func (g *gate) onCopies() bool {
	for _, s := range g.subjects() {
		if !s.onCopies() {
			return false
		}
	}
	return true
}

// silent says that nothing in the present step can speak for or against the
// gate.
func (j *Judge) silent(g *gate) bool { return j.state.Shadow && !g.onCopies() }

// carries says that the gate's verdict in the present step is that of the last
// step which could show it.
func (j *Judge) carries(g *gate) bool {
	return g.relative() && j.alone() || g.copiesOnly() && !j.state.Shadow && j.state.StepStrata > 0
}

// carry keeps the verdicts of the step that ends for those behind it in which
// their gates cannot be shown.
func (j *Judge) carry() {
	s := &j.state
	bothArms := s.StepTotal[kpi.Baseline].Requests > 0 && s.StepTotal[kpi.Candidate].Requests > 0 && !j.alone()
	for i, g := range j.gates {
		if s.Shadow && !g.onCopies() || !s.Shadow && (g.copiesOnly() || !bothArms) {
			continue
		}
		s.Gates[i].Carry = Inconclusive
		if g.safe(&s.Gates[i], float64(j.config.FalsePass)) {
			s.Gates[i].Carry = Pass
		}
	}
}

// elsewhere says in words that the present step cannot show the gate; "" = it
// can, as far as copies go.
func (j *Judge) elsewhere(g *gate, v GateVerdict) string {
	switch {
	case v.Verdict == Fail:
	case j.silent(g):
		return "not measured in a shadow step: the candidate gets copies and no users"
	case !g.copiesOnly() || j.state.Shadow || j.state.StepStrata == 0: // which kind of step it is, its first stratum says
	case v.Carried:
		return fmt.Sprintf("nothing is mirrored in this step, carried from the last shadow step: %s", v.Verdict)
	default:
		return "nothing is mirrored in this step, and no shadow step before left a verdict to carry"
	}
	return ""
}

// arrived is what the candidate has got in the present step: requests, in a
// shadow step copies that were answered.
func (s *state) arrived() uint64 {
	if !s.Shadow {
		return s.StepTotal[kpi.Candidate].Requests
	}
	copies := s.InStep[kpi.Candidate].get(kpi.MeasureShadow)
	return max(copies.N-min(copies.K, copies.N), s.InStep[kpi.Candidate].get(kpi.MeasureAgreement).N)
}

// OnCopies says of each gate whether mirrored copies can show that it holds or
// fails, for plans with a shadow step.
func (c Config) OnCopies() []bool { return c.each((*gate).onCopies) }

// CopiesOnly says of each gate whether nothing but mirrored copies can.
func (c Config) CopiesOnly() []bool { return c.each((*gate).copiesOnly) }

// each asks all gates that can be read.
func (c Config) each(ask func(*gate) bool) []bool {
	out := make([]bool, len(c.Gates))
	for i, config := range c.Gates {
		require, rollback, err := config.conditions()
		if err != nil {
			continue
		}
		g := &gate{config: config, rollback: &test{cond: rollback}}
		if require != nil {
			g.require = &test{cond: *require}
		}
		if config.Expr != "" {
			if g.free, err = parseFree(config.Expr); err != nil {
				continue
			}
		}
		out[i] = ask(g)
	}
	return out
}
