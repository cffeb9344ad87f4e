package judge

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// Judge holds the e-processes of one rollout. It is not safe for concurrent use.
type Judge struct {
	config    Config
	layout    *kpi.Layout
	grid      []time.Duration
	quantiles []float64 // of which the baseline's past keeps an estimate
	restarts  restarts
	gates     []*gate
	policy    string // fingerprint
	state     state
}

// New makes the judge of a rollout whose plan lasts planned. The layout must
// have been made with c.Thresholds().
func New(c Config, l *kpi.Layout, planned time.Duration) (*Judge, error) {
	c.Gates = slices.Clone(c.Gates)
	c.SetDefaults()
	var problems []error
	c.Validate(func(path string, value any, wanted string) {
		problems = append(problems, fmt.Errorf("%s: %v: wanted %s", path, value, wanted))
	})
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	j := &Judge{config: c, layout: l, grid: kpi.Grid(), restarts: newRestarts(planned)}
	j.quantiles = c.relativeQuantiles()
	for i := range c.Gates {
		g, err := newGate(c, i, l, j.quantiles)
		if err != nil {
			return nil, fmt.Errorf("gate %s: %w", c.Gates[i].Name, err)
		}
		j.gates = append(j.gates, g)
	}
	j.policy, j.state = j.fingerprint(), j.fresh()
	return j, nil
}

// relativeQuantiles are the latency quantiles that gates hold against the
// baseline's, ascending.
func (c Config) relativeQuantiles() []float64 {
	var out []float64
	for _, g := range c.Gates {
		require, rollback, err := g.conditions()
		if err != nil {
			continue
		}
		if rollback.Baseline {
			out = append(out, rollback.quantiles()...)
		}
		if require != nil && require.Baseline {
			out = append(out, require.quantiles()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// BeginStep starts the step's own evidence toward passing. What points toward
// rolling back goes on: its promise is over the whole rollout.
func (j *Judge) BeginStep(step int) {
	s := &j.state
	if s.StepTotal[kpi.Baseline].Requests > 0 && s.StepTotal[kpi.Candidate].Requests > 0 && !j.alone() {
		for i, g := range j.gates {
			s.Gates[i].Carry = Inconclusive
			if g.safe(&s.Gates[i], float64(j.config.FalsePass)) {
				s.Gates[i].Carry = Pass
			}
		}
	}
	s.Step, s.StepStrata, s.Alone = step, 0, false
	s.StepTotal, s.Later = [2]traffic{}, [2]uint64{}
	s.markStep()
	for i, g := range j.gates {
		g.beginStep(&s.Gates[i])
	}
}

// Add judges one closed stratum. Strata come in the order of Seq; one that was
// added before is left out, so that a log may be read twice. A stratum of
// another step begins that step. One of Step -1 is history: it teaches the judge
// the baseline's past and is judged by no gate.
func (j *Judge) Add(in kpi.Stratum) {
	s := &j.state
	if s.Strata > 0 && in.Seq <= s.Seq {
		return
	}
	if in.Step != s.Step {
		j.BeginStep(in.Step)
	}
	s.Strata++
	s.Seq = in.Seq
	if in.Step >= 0 {
		for i, g := range j.gates {
			g.add(&s.Gates[i], in, &s.Past, j.restarts)
		}
	}
	s.Past.add(in)
	s.Past.estimate(j.layout, j.grid, j.quantiles)
	s.count(in)
}

// alone says that the step has no baseline traffic to compare with: so the
// caller said, or next to none was seen after the step's first stratum, in which
// requests of the step before are still answered.
func (j *Judge) alone() bool {
	s := &j.state
	const enough, share = 200, 200 // below one request in 200
	b, c := s.Later[kpi.Baseline], s.Later[kpi.Candidate]
	return s.Alone || c >= enough && b*share < b+c
}
