package judge

import (
	"fmt"
	"math"

	"github.com/headgate/headgate/internal/kpi"
)

// watchState is the second process over errors: it counts one outcome per user
// and ten minutes instead of one per rollout, and begins when the users are
// exhausted, for what starts to fail only then. A user who fails again and again
// is counted again and again, so it promises nothing: what it finds takes the
// traffic off and leaves the registry to a person.
type watchState struct {
	On    bool
	Gates []failProcess // by gate; without parts where the gate is not watched
	Found int           // 1 + the gate that it found failing; 0 = none
	Since [2]reading    // repeat counts since it began
}

func (j *Judge) freshWatch() watchState {
	w := watchState{Gates: make([]failProcess, len(j.gates))}
	for i, g := range j.gates {
		if g.watched() {
			w.Gates[i] = newFailProcess(alternatives)
		}
	}
	return w
}

// watched are the gates on errors that take a candidate back.
func (g *gate) watched() bool {
	return g.free == nil && g.rollback.cond.KPI == errorRate && g.config.canRollBack()
}

// beginWatch starts the watch anew: what it found before was a person's to
// judge.
func (s *state) beginWatch() {
	for i := range s.Watch.Gates {
		if len(s.Watch.Gates[i].Started) > 0 {
			s.Watch.Gates[i] = newFailProcess(alternatives)
		}
	}
	s.Watch.On, s.Watch.Found, s.Watch.Since = false, 0, [2]reading{}
}

// watchRepeats judges the stratum's repeated outcomes.
func (j *Judge) watchRepeats() {
	s, in := &j.state, &j.now
	w := &s.Watch
	if !w.On {
		// What makes it begin is known at the end of a stratum: it speaks from the
		// next one on.
		w.On = s.exhausted(j.config.MinRequests)
		return
	}
	b, c := in.fresh[kpi.Baseline].get(kpi.MeasureRepeat), in.fresh[kpi.Candidate].get(kpi.MeasureRepeat)
	for arm, r := range [2]*reading{b, c} {
		w.Since[arm].N += r.N
		w.Since[arm].K += r.K
	}
	for i, g := range j.gates {
		if !g.watched() || w.Found != 0 {
			continue
		}
		t := tally{kc: float64(c.K), nc: float64(c.N), kb: float64(b.K), nb: float64(b.N)}
		if !g.rollback.cond.Baseline {
			t.kb, t.nb = 0, 0
		}
		part := g.rollback.components[0]
		w.Gates[i].restart(j.restarts, in.From)
		w.Gates[i].add(g.rollback.null(part, direct), t, in.past.rate(kpi.MeasureRepeat), failRatios)
		if w.Gates[i].logE() >= -math.Log(g.alpha) {
			w.Found = i + 1
		}
	}
}

// repeat says what the watch has found; nil when nothing.
func (j *Judge) repeat() *RepeatFailures {
	w := &j.state.Watch
	if w.Found == 0 {
		return nil
	}
	g := j.gates[w.Found-1]
	cond := g.rollback.cond
	rate := func(r reading) *float64 {
		if r.N == 0 {
			return nil
		}
		return ptr(float64(r.K) / float64(r.N))
	}
	out := &RepeatFailures{
		Gate: g.config.Name, Baseline: rate(w.Since[kpi.Baseline]), Candidate: rate(w.Since[kpi.Candidate]),
		N:        ArmCounts{Baseline: w.Since[kpi.Baseline].N, Candidate: w.Since[kpi.Candidate].N},
		Evidence: Evidence{E: shown(w.Gates[w.Found-1].logE()), Limit: 1 / g.alpha},
	}
	out.Reason = fmt.Sprintf("users who were counted before fail again: %s on the candidate (%d users), %s on the baseline (%d users), counted once per user and repeat_every; gate %s was past counting them",
		cond.value(out.Candidate), out.N.Candidate, cond.value(out.Baseline), out.N.Baseline, g.config.Name)
	return out
}
