package judge

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/headgate/headgate/internal/kpi"
)

const stateFormat = 2

// state is everything the judge remembers; what is not in here follows from the
// configuration. Its fields are exported for the checkpoint.
type state struct {
	Strata     uint64
	Seq        uint64
	Step       int
	StepStrata uint64
	Alone      bool
	StepTotal  [2]traffic
	Later      [2]uint64 // requests of the step after its first stratum
	Total      [2]sums
	AtStep     [2]sums // Total when the step began
	Past       past
	Gates      []gateState
}

// traffic is what a step brought to one arm.
type traffic struct {
	Requests, Repeats uint64
}

// sums are an arm's counts over the whole rollout.
type sums struct {
	Requests, Failures, Overflow uint64
	Latency                      []uint64 // by bin
}

func (j *Judge) fresh() state {
	s := state{Step: -1}
	bins := j.layout.Bins()
	s.Past = past{Latency: make([]float64, bins), Taus: make([]tau, len(j.quantiles))}
	for arm := range s.Total {
		s.Total[arm].Latency = make([]uint64, bins)
		s.AtStep[arm].Latency = make([]uint64, bins)
	}
	for _, g := range j.gates {
		s.Gates = append(s.Gates, g.fresh())
	}
	return s
}

// count takes a stratum into the totals.
func (s *state) count(in kpi.Stratum) {
	s.StepStrata++
	s.Alone = in.Alone
	for arm, c := range [2]kpi.Counts{in.Baseline, in.Candidate} {
		s.StepTotal[arm].Requests += c.Requests
		s.StepTotal[arm].Repeats += c.Repeats
		if s.StepStrata > 1 {
			s.Later[arm] += c.Requests
		}
		if in.Step < 0 {
			continue // history is no part of the rollout
		}
		t := &s.Total[arm]
		t.Requests += c.Requests
		t.Failures += c.Failures
		t.Overflow += c.Overflow
		for _, b := range c.Latency {
			if b.Index < len(t.Latency) {
				t.Latency[b.Index] += b.Count
			}
		}
	}
}

// counts is the sparse form of the sums.
func (t *sums) counts() kpi.Counts {
	c := kpi.Counts{Requests: t.Requests, Failures: t.Failures, Overflow: t.Overflow}
	for i, n := range t.Latency {
		if n > 0 {
			c.Latency = append(c.Latency, kpi.Bin{Index: i, Count: n})
		}
	}
	return c
}

// since is what was added after before.
func (t *sums) since(before sums) *sums {
	out := &sums{Requests: t.Requests - before.Requests, Failures: t.Failures - before.Failures, Overflow: t.Overflow - before.Overflow}
	for i, n := range t.Latency {
		out.Latency = append(out.Latency, n-before.Latency[i])
	}
	return out
}

// markStep remembers where the step's own counts begin.
func (s *state) markStep() {
	for arm, t := range s.Total {
		s.AtStep[arm] = *t.since(sums{Latency: make([]uint64, len(t.Latency))})
	}
}

// measured is what a verdict shows: this step's counts once it has
// enough of them, so that what was good in the canary does not cover what is
// bad in the bake; the whole rollout's before. An arm that the step does not
// serve is shown with all that was counted on it.
func (s *state) measured(whole [2]kpi.Counts, enough uint64) [2]kpi.Counts {
	if s.StepTotal[kpi.Candidate].Requests < enough {
		return whole
	}
	out := whole
	for arm := range s.Total {
		if c := s.Total[arm].since(s.AtStep[arm]).counts(); c.Requests > 0 {
			out[arm] = c
		}
	}
	return out
}

// checkpoint is the stored form.
type checkpoint struct {
	Format int
	Policy string // fingerprint of what the numbers mean
	State  state
}

// Checkpoint returns everything that Restore needs to go on bit for bit.
func (j *Judge) Checkpoint() ([]byte, error) {
	var out bytes.Buffer
	err := gob.NewEncoder(&out).Encode(checkpoint{Format: stateFormat, Policy: j.policy, State: j.state})
	if err != nil {
		return nil, fmt.Errorf("write the judge's checkpoint: %w", err)
	}
	return out.Bytes(), nil
}

// Restore puts the judge where it stood at the checkpoint. It refuses one that
// was made under another policy. On an error the judge is unchanged.
func (j *Judge) Restore(data []byte) error {
	var in checkpoint
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&in); err != nil {
		return fmt.Errorf("read the judge's checkpoint: %w", err)
	}
	switch {
	case in.Format != stateFormat:
		return fmt.Errorf("read the judge's checkpoint: format %d, this binary reads %d", in.Format, stateFormat)
	case in.Policy != j.policy:
		return errors.New("read the judge's checkpoint: it was made with other gates")
	case !j.fits(in.State):
		return errors.New("read the judge's checkpoint: it is damaged")
	}
	j.state = in.State
	return nil
}

// fits checks the shapes that the judge relies on.
func (j *Judge) fits(s state) bool {
	bins := j.layout.Bins()
	ok := len(s.Past.Latency) == bins && len(s.Past.Taus) == len(j.quantiles) && len(s.Gates) == len(j.gates)
	for arm, t := range s.Total {
		ok = ok && len(t.Latency) == bins && len(s.AtStep[arm].Latency) == bins
	}
	for i := 0; ok && i < len(j.gates); i++ {
		want := j.gates[i].fresh()
		ok = len(s.Gates[i].Fail) == len(want.Fail) && len(s.Gates[i].Pass) == len(want.Pass)
	}
	return ok
}

// fingerprint of everything that gives the numbers of a state their meaning.
func (j *Judge) fingerprint() string {
	text, err := json.Marshal(j.config)
	if err != nil {
		panic("BUG: a judge's configuration does not marshal: " + err.Error())
	}
	sum := sha256.New()
	sum.Write(text)
	for i := range j.layout.Bins() {
		edge, _ := j.layout.Edge(i)
		sum.Write(fmt.Appendf(nil, " %d", edge))
	}
	sum.Write(fmt.Appendf(nil, " %d", j.restarts.slots))
	return hex.EncodeToString(sum.Sum(nil))
}
