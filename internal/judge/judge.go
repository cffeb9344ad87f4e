package judge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// Judge holds the e-processes of one rollout. It is not safe for concurrent use.
type Judge struct {
	config   Config
	layout   *kpi.Layout
	grid     []time.Duration
	taus     []tauOf // of which the baseline's past keeps an estimate
	wanted   wanted
	restarts restarts
	gates    []*gate
	policy   string // fingerprint
	state    state
	now      closed // used again for each stratum
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
	j.taus = c.taus()
	j.wanted.add(map[string]bool{
		requests: false, kpi.MeasureRepeat: false, kpi.MeasureMissing + kpi.Label: false, kpi.MeasureShadow: false, kpi.MeasureAgreement: false,
	}, nil)
	for i := range c.Gates {
		g, err := newGate(c, i, l, j.taus)
		if err != nil {
			return nil, fmt.Errorf("gate %s: %w", c.Gates[i].Name, err)
		}
		j.wanted.add(g.wanted.names, g.wanted.prefixes)
		j.gates = append(j.gates, g)
	}
	j.policy, j.state = j.fingerprint(), j.fresh()
	return j, nil
}

// taus are the quantiles that gates hold against the baseline's, in order.
func (c Config) taus() []tauOf {
	var out []tauOf
	for _, g := range c.Gates {
		require, rollback, err := g.conditions()
		if err != nil || g.Expr != "" {
			continue
		}
		both := []Condition{rollback}
		if require != nil {
			both = append(both, *require)
		}
		for _, one := range both {
			if one.Baseline && one.subject.family == tail {
				for _, q := range one.subject.quantile {
					out = append(out, one.tauOf(q))
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b tauOf) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.quantile, b.quantile))
	})
	return slices.Compact(out)
}

// BeginStep starts the step's own evidence toward passing. What points toward
// rolling back goes on: its promise is over the whole rollout.
func (j *Judge) BeginStep(step int) {
	s := &j.state
	j.carry()
	s.Stretch++
	s.StretchOf[step] = s.Stretch
	s.Step, s.StepStrata, s.Alone, s.Shadow = step, 0, false, false
	s.StepTotal, s.Later, s.StepSeconds = [2]traffic{}, [2]uint64{}, 0
	s.InStep = [2]readings{{}, {}}
	s.beginWatch()
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
	j.take(in)
	if in.Step >= 0 {
		s.count(in)
		for i, g := range j.gates {
			if !j.silent(g) {
				g.add(&s.Gates[i], &j.now)
			}
		}
		if !s.Shadow { // copies draw no users, and no user fails by them
			j.watchRepeats()
			j.watchMeasurement()
		}
	} else {
		s.count(in)
	}
	s.Past.add(in, j.wanted)
	s.Past.estimate(j.layout, j.grid, j.taus)
}

// take counts the stratum into the totals, and reads it for the gates.
func (j *Judge) take(in kpi.Stratum) {
	s, now := &j.state, &j.now
	now.Stratum, now.past, now.restarts = in, &s.Past, j.restarts
	for arm, c := range [2]kpi.Counts{in.Baseline, in.Candidate} {
		now.fresh[arm] = now.fresh[arm].cleared()
		j.wanted.read(now.fresh[arm], c)
		now.stepOnly[arm] = now.fresh[arm]
		own := ownStep(c, in.Step)
		if len(c.Measures) > 0 {
			now.stepOnly[arm] = readings{}
			j.wanted.read(now.stepOnly[arm], own)
		}
		if in.Step >= 0 { // history is no part of the rollout
			j.wanted.read(s.Total[arm], c)
			j.wanted.read(s.InStep[arm], own)
		}
	}
	now.total, now.inStep = s.Total, s.InStep
	now.value, now.stretch = j.valueNow, s.stretch
}

// ownStep leaves out what was served in an earlier step.
func ownStep(c kpi.Counts, step int) kpi.Counts {
	late := false
	for _, m := range c.Measures {
		late = late || m.Served != 0 && m.Served != step+1
	}
	if !late {
		return c
	}
	own := kpi.Measures{}
	for name, m := range c.Measures {
		if m.Served == 0 || m.Served == step+1 {
			own[name] = m
		}
	}
	c.Measures = own
	return c
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
