package rollout

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
)

// aloneAbove is the weight above which gates against the baseline cannot speak:
// they keep the verdict of the last step that had both arms.
const aloneAbove = canary.Weight(9900)

// checkpointEvery is how many strata lie between two checkpoints of the judge
// in the evidence log: what lies before the last one may be trimmed.
const checkpointEvery = 60

// evidence is the measured side of one rollout: its recorder, the open stratum
// and the judge that is fed the closed ones.
type evidence struct {
	key      string
	policy   Config
	recorder *kpi.Recorder
	judge    *judge.Judge
	last     *kpi.Snapshot
	opened   time.Duration // served time
	seq      uint64        // strata closed so far
	step     int
	begin    bool // the next stratum is the first of its step
	weight   canary.Weight
	diverted bool // the candidate's breaker was open in the open stratum
	counting bool
	verdict  judge.Judgement
	unkept   [][]byte // the newest strata that the log does not hold yet
}

// entry is a closed stratum as the evidence log keeps it.
type entry struct {
	Begin bool `json:"begin,omitempty"`
	// Held is the hold's clock when it closed, for a replay.
	Held      time.Duration `json:"held_ns,omitempty"`
	Stratum   kpi.Stratum   `json:"stratum"`
	Baseline  keys          `json:"keys_baseline,omitempty"`
	Candidate keys          `json:"keys_candidate,omitempty"`
	// Waiting is how many requests waited for their outcomes: what a restart loses.
	Waiting    uint64 `json:"waiting,omitempty"`
	Checkpoint []byte `json:"checkpoint,omitempty"`
}

// keys are the users first counted in a stratum: 64-bit salted hashes.
type keys []uint64

func (k keys) MarshalJSON() ([]byte, error) {
	raw := make([]byte, 8*len(k))
	for i, v := range k {
		binary.LittleEndian.PutUint64(raw[8*i:], v)
	}
	return json.Marshal(raw)
}

func (k *keys) UnmarshalJSON(data []byte) error {
	var raw []byte
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if len(raw)%8 != 0 {
		return errors.New("keys of 8 bytes each wanted")
	}
	*k = make(keys, len(raw)/8)
	for i := range *k {
		(*k)[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return nil
}

func newEvidence(s State) (*evidence, error) {
	layout := kpi.NewLayout(s.Policy.Thresholds()...)
	j, err := judge.New(s.Policy.Config, layout, s.Policy.Planned())
	if err != nil {
		return nil, fmt.Errorf("make the judge: %w", err)
	}
	e := &evidence{key: EvidenceKey(s.Model, s.ID), policy: s.Policy, recorder: kpi.NewRecorder(layout, s.Policy.Measured), judge: j, step: -1}
	e.recorder.SetCounting(false)
	e.last = e.recorder.Snapshot()
	e.verdict = j.Judgement()
	return e, nil
}

// beginStep starts the step's own evidence toward passing.
func (e *evidence) beginStep(step int) {
	if e.policy.shadowAt(e.step) { // who was copied counts once more as a user
		e.recorder.ForgetKeys()
	}
	e.judge.BeginStep(step)
	e.recorder.BeginStep(step)
	e.step, e.begin = step, true
	e.verdict = e.judge.Judgement()
}

// count switches the warm-up: nothing in it is evidence.
func (e *evidence) count(on bool) {
	if on != e.counting {
		e.counting = on
		e.recorder.SetCounting(on)
	}
}

// look takes the served time and whether the candidate's breaker sends its
// share to the baseline: then the stratum says nothing about the split.
func (e *evidence) look(served time.Duration, diverted bool) {
	e.recorder.Tick(served)
	if diverted && e.weight > 0 {
		e.diverted = true
		e.recorder.Divert()
	}
}

// split takes the candidate's new share, once the stratum of the old one is closed.
func (e *evidence) split(w canary.Weight) {
	e.weight = w
	e.recorder.Resplit(e.step)
}

// due reports whether the open stratum can be closed at served time now; by
// arrivals and time only, never by outcomes.
func (e *evidence) due(now time.Duration) (*kpi.Snapshot, bool) {
	open := now - e.opened
	if open < time.Second {
		return nil, false
	}
	snap := e.recorder.Snapshot()
	if i := e.policy.EvidenceStep(e.step); e.policy.shadowAt(e.step) { // nobody arrives at the candidate
		return snap, open >= e.policy.Plan[i].Shadow.stratum()
	}
	_, c := snap.Since(e.last)
	return snap, kpi.CloseDue(open, c.Requests)
}

// close ends the open stratum at snap, feeds the judge and returns what the
// evidence log has to keep; nil when nothing happened in it.
func (e *evidence) close(now, held time.Duration, snap *kpi.Snapshot) ([]byte, error) {
	b, c := snap.Since(e.last)
	st := kpi.Stratum{
		Step: e.step, Alone: e.weight > aloneAbove, Shadow: e.policy.shadowAt(e.step), Weight: e.weight.Ratio(), Diverted: e.diverted,
		From: e.opened, To: now, Baseline: b, Candidate: c,
	}
	e.last, e.opened, e.diverted = snap, now, false
	more, moreCandidate := e.recorder.Drain()
	st.Baseline.Measures, st.Candidate.Measures = b.Measures.Merge(more), c.Measures.Merge(moreCandidate)
	if st.Baseline.Empty() && st.Candidate.Empty() {
		return nil, nil
	}
	e.seq++
	st.Seq = e.seq
	out := entry{
		Begin: e.begin, Held: held, Stratum: st,
		Baseline: e.recorder.NewKeys(kpi.Baseline), Candidate: e.recorder.NewKeys(kpi.Candidate),
	}
	if s, ok := e.recorder.Outcomes(); ok {
		out.Waiting = s.Waiting()
	}
	e.begin = false
	e.judge.Add(st)
	e.verdict = e.judge.Judgement()
	if e.seq%checkpointEvery == 0 {
		cp, err := e.judge.Checkpoint()
		if err != nil {
			return nil, fmt.Errorf("checkpoint the judge: %w", err)
		}
		out.Checkpoint = cp
	}
	return json.Marshal(out)
}

// restore reads the evidence log back: the judge stands where it stood, bit for
// bit, and no user is counted twice. It refuses a log with less in it than the
// state says was written.
func (e *evidence) restore(ctx context.Context, j Journal, s State) error {
	started, waiting, begun := false, uint64(0), uint64(0)
	err := j.Evidence(ctx, e.key, func(seq uint64, data []byte) error {
		var in entry
		if err := json.Unmarshal(data, &in); err != nil {
			return fmt.Errorf("stratum %d: %w", seq, err)
		}
		if (in.Begin || in.Stratum.Step != e.step) && e.policy.shadowAt(e.step) {
			e.recorder.ForgetKeys()
		}
		e.recorder.SeedKeys(kpi.Baseline, in.Baseline)
		e.recorder.SeedKeys(kpi.Candidate, in.Candidate)
		if err := e.replay(in, &started); err != nil {
			return fmt.Errorf("stratum %d: %w", seq, err)
		}
		if in.Begin || e.seq == 0 && seq > 1 { // what was trimmed held its own beginnings
			begun = max(begun, seq-1)
		}
		e.seq, waiting = seq, in.Waiting
		return nil
	})
	if err != nil {
		return err
	}
	if e.seq < s.Evidence {
		return fmt.Errorf("the evidence log ends at stratum %d, %d were written", e.seq, s.Evidence)
	}
	if e.seq > 0 && !started {
		return fmt.Errorf("the evidence log up to stratum %d holds no checkpoint to start from", e.seq)
	}
	e.opened = max(e.opened, s.Served)
	e.recorder.Tick(e.opened)
	e.recorder.Lose(waiting)
	if step := s.evidenceStep(); e.step != step || e.seq > 0 && begun < s.Begun { // begun anew, and no stratum since
		e.beginStep(step)
	} else {
		e.recorder.Resume(e.step)
	}
	e.verdict = e.judge.Judgement()
	return nil
}

// replay feeds one stored stratum. A log whose beginning was trimmed starts
// speaking at its first checkpoint.
func (e *evidence) replay(in entry, started *bool) error {
	if !*started && in.Stratum.Seq != 1 {
		if in.Checkpoint == nil {
			return nil
		}
		*started = true
		e.step, e.opened = in.Stratum.Step, in.Stratum.To
		return e.judge.Restore(in.Checkpoint)
	}
	*started = true
	if in.Begin || in.Stratum.Step != e.step {
		e.judge.BeginStep(in.Stratum.Step)
	}
	e.step, e.opened = in.Stratum.Step, in.Stratum.To
	e.judge.Add(in.Stratum)
	return nil
}
