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

const stateFormat = 4

// state is everything the judge remembers; what is not in here follows from the
// configuration. Its fields are exported for the checkpoint.
type state struct {
	Strata      uint64
	Seq         uint64
	Step        int
	StepStrata  uint64
	StepSeconds float64
	Seconds     float64
	Alone       bool
	Shadow      bool
	StepTotal   [2]traffic
	AllTotal    [2]traffic
	Later       [2]uint64 // requests of the step after its first stratum
	Overflow    uint64
	Total       [2]readings // over the whole rollout
	InStep      [2]readings // from requests of the present step
	Stretch     int         // steps begun, one begun anew counted again
	StretchOf   map[int]int // by step, the last time it began
	Past        past
	Gates       []gateState
	Watch       watchState
	Measurement measurementState
}

// traffic is what came to one arm.
type traffic struct {
	Requests, Repeats uint64
}

func (j *Judge) fresh() state {
	s := state{Step: -1, StretchOf: map[int]int{}, Past: newPast(len(j.taus))}
	s.Total, s.InStep = [2]readings{{}, {}}, [2]readings{{}, {}}
	for _, g := range j.gates {
		s.Gates = append(s.Gates, g.fresh())
	}
	s.Watch = j.freshWatch()
	return s
}

// count takes a stratum's traffic in.
func (s *state) count(in kpi.Stratum) {
	s.StepStrata++
	s.Alone, s.Shadow = in.Alone, in.Shadow
	seconds := (in.To - in.From).Seconds()
	s.StepSeconds += seconds
	if in.Step >= 0 {
		s.Seconds += seconds
	}
	for arm, c := range [2]kpi.Counts{in.Baseline, in.Candidate} {
		s.StepTotal[arm].Requests += c.Requests
		s.StepTotal[arm].Repeats += c.Repeats
		if s.StepStrata > 1 {
			s.Later[arm] += c.Requests
		}
		if in.Step >= 0 { // history is no part of the rollout
			s.AllTotal[arm].Requests += c.Requests
			s.AllTotal[arm].Repeats += c.Repeats
			s.Overflow += c.Overflow
		}
	}
}

// stretch is the number of the stretch that served requests: the present one, or
// that of an earlier step.
func (s *state) stretch(served int) int {
	if served == 0 {
		return s.Stretch
	}
	return s.StretchOf[served-1]
}

// whole is all that was counted in the rollout.
func (s *state) whole() span {
	return span{arms: s.Total, repeats: [2]uint64{s.AllTotal[0].Repeats, s.AllTotal[1].Repeats}, seconds: s.Seconds}
}

// measured is what a verdict on the condition shows: this step's counts once it
// has enough of them, so that what was good in the canary does not cover what
// is bad in the bake; the whole rollout's before. An arm that the step does not
// serve is shown with all that was counted on it.
func (s *state) measured(c Condition, enough uint64) span {
	out := s.whole()
	if s.arrived() < enough || c.counted(s.InStep[kpi.Candidate]) == 0 {
		return out
	}
	for arm := range out.arms {
		if c.counted(s.InStep[arm]) > 0 {
			out.arms[arm], out.repeats[arm] = s.InStep[arm], s.StepTotal[arm].Repeats
		}
	}
	out.seconds, out.step = s.StepSeconds, true
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
	j.state.mend()
	return nil
}

// mend gives back the maps that gob leaves out when they are empty.
func (s *state) mend() {
	for arm := range s.Total {
		if s.Total[arm] == nil {
			s.Total[arm] = readings{}
		}
		if s.InStep[arm] == nil {
			s.InStep[arm] = readings{}
		}
	}
	if s.StretchOf == nil {
		s.StretchOf = map[int]int{}
	}
	if s.Past.Sources == nil {
		s.Past.Sources = map[string]*faded{}
	}
	if s.Past.Groups == nil {
		s.Past.Groups = map[string]*faded{}
	}
}

// fits checks the shapes that the judge relies on.
func (j *Judge) fits(s state) bool {
	ok := len(s.Past.Taus) == len(j.taus) && len(s.Gates) == len(j.gates) && len(s.Watch.Gates) == len(j.gates)
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
