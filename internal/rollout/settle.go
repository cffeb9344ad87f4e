package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

func (c *Controller) handle(e Event) error { return c.settle(c.ctx, e) }

// settle asks Decide and carries out what it says, in the order of safety: less
// candidate traffic is applied first and written second; more is written first
// and applied second, and not at all when it cannot be written.
func (c *Controller) settle(ctx context.Context, e Event) error {
	if order, ok := e.(Commanded); ok {
		order.Health = c.Traffic.Health(c.model) // as it is when the order is carried out
		if c.evidence != nil {
			order.Gates = c.evidence.verdict.Gates
		}
		e = order
	}
	next, effects, err := Decide(c.state, e, c.Clock())
	if err != nil {
		return err
	}
	prev, strata := c.state, c.strata()
	if next.Generation == prev.Generation {
		c.state = next // clocks only
		c.publish()
		return nil
	}
	measured := c.evidence
	c.prepareEvidence(prev, next)
	turned := false // the stratum of the old weight was closed
	safe := prev.less(next)
	if safe {
		turned = c.apply(prev, &next)
	}
	if begins(effects) {
		next.Begun = strata
	}
	c.state = next
	lines := recordsOf(next, effects, strata)
	c.unwritten = append(c.unwritten, lines...)
	if err := c.commit(ctx); err != nil {
		if !safe || unsafePhase(prev, next) {
			c.state, c.evidence = prev, measured
			c.withdraw(lines)
			c.Log.Error("journal not written: nothing more goes to the candidate", "model", c.model, "error", err)
			return fmt.Errorf("write the journal: %w", err)
		}
		c.dirty = true
		c.Log.Error("journal not written: the safe change stands", "model", c.model, "error", err)
	}
	if !safe {
		turned = c.apply(prev, &c.state)
	}
	c.publish()
	c.carryOut(effects, turned)
	return nil
}

// begins reports that a step's own evidence begins.
func begins(effects []Effect) bool {
	for _, e := range effects {
		if _, ok := e.(BeginStep); ok {
			return true
		}
	}
	return false
}

// unsafePhase: a promotion that is not written is not begun.
func unsafePhase(prev, next State) bool {
	return next.Phase != prev.Phase && (next.Phase == Promoting || next.Phase == Pending || next.Phase == Promoted)
}

// apply swaps the traffic in this process; true when that closed a stratum.
func (c *Controller) apply(prev State, next *State) (turned bool) {
	swapped := !prev.Colours.same(next.Colours)
	at := c.Clock()
	if next.Weight != prev.Weight || next.Mirror != prev.Mirror || begun(prev, *next) || swapped {
		e := c.evidence
		turned = e != nil
		var snap *kpi.Snapshot
		if e != nil {
			snap = e.recorder.Snapshot()
		}
		// A stratum is written to disk when it closes. Users do not wait for that
		// on their way back to the baseline.
		less := prev.less(*next)
		if e != nil && !less {
			c.turn(e, snap, next)
		}
		c.Traffic.Assign(c.model, c.assignment(*next))
		at = c.Clock()
		c.health = c.Traffic.Health(c.model) // its roles may be others now
		if e != nil && less {
			c.turn(e, snap, next)
		}
		c.Log.Info("weight changed", "model", c.model, "from", prev.Weight, "to", next.Weight, "shadow", next.Mirror, "phase", next.Phase)
		if swapped {
			c.Log.Info("roles of the upstreams", "model", c.model, "serving", next.Colours.Serving, "idle", next.Colours.Idle)
		}
	}
	if o := next.Order; next.Weight == 0 && o != nil && o.TrafficAt == nil && !o.awaitsTraffic() {
		o.TrafficAt = stamp(at) // and not when the stratum was on disk
	}
	return turned
}

// turn closes the stratum of the old weight and begins that of the new one.
func (c *Controller) turn(e *evidence, snap *kpi.Snapshot, next *State) {
	if next.Mirror == 0 {
		e.recorder.Mirror(false) // what copies still bring is not to pass for users' answers
	}
	c.closeStratum(e, snap)
	e.split(next.Weight)
	e.count(next.serving() && next.Served >= next.WarmUntil)
}

// begun reports that the registry knows the rollout now.
func begun(prev, next State) bool {
	return prev.Phase == Pending && (next.Phase == Shadowing || next.Phase == Progressing)
}

// prepareEvidence makes the measured side of a rollout that is about to serve,
// and drops it when the rollout is over.
func (c *Controller) prepareEvidence(prev, next State) {
	if begun(prev, next) {
		e, err := newEvidence(next)
		if err != nil {
			panic("BUG: a validated policy has no judge: " + err.Error())
		}
		c.evidence = e
	}
	if !next.Phase.Live() && prev.Phase.Live() {
		c.evidence = nil
	}
}

// closeStratum ends the open stratum and keeps it. Strata that cannot be
// written wait in memory, in order, until there is space; judging goes on.
func (c *Controller) closeStratum(e *evidence, snap *kpi.Snapshot) {
	e.look(c.state.Served, c.Traffic.Health(c.model).Candidate.BreakerOpen)
	data, err := e.close(c.state.Served, c.state.Held, snap)
	if err != nil {
		c.Log.Error("stratum not closed", "model", c.model, "error", err)
		return
	}
	if data != nil {
		e.unkept = append(e.unkept, data)
	}
	ctx, cancel := context.WithTimeout(context.Background(), appendLimit)
	defer cancel()
	for len(e.unkept) > 0 {
		seq := e.seq - uint64(len(e.unkept)) + 1
		if err := c.Journal.AppendEvidence(ctx, e.key, seq, e.unkept[0]); err != nil {
			c.Log.Error("stratum not kept yet", "model", c.model, "stratum", seq, "waiting", len(e.unkept), "error", err)
			return
		}
		e.unkept = e.unkept[1:]
	}
}

// mayBeLost is how many strata the last second can hold: one, and one more that
// a change of the weight closed.
const mayBeLost = 2

// commit writes the state and the records not written yet, together.
func (c *Controller) commit(ctx context.Context) error {
	if c.state.Order != nil && c.state.Order.RecordedAt == nil {
		o := *c.state.Order
		o.RecordedAt = stamp(c.Clock())
		c.state.Order = &o
	}
	if e := c.evidence; e != nil {
		kept := e.seq - uint64(len(e.unkept))
		c.state.Evidence = max(kept, mayBeLost) - mayBeLost
	}
	data, err := json.Marshal(c.state)
	if err != nil {
		panic("BUG: state does not marshal: " + err.Error())
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	if err := c.resolveDoubt(ctx); err != nil {
		return err
	}
	rev, err := c.Journal.Commit(ctx, c.key(), c.rev, data, c.unwritten...)
	if err != nil {
		c.doubt, c.doubtful, c.withdrawn = true, len(c.unwritten), nil
		return err
	}
	c.rev, c.written, c.dirty, c.unwritten, c.heldAt = rev, c.state, false, nil, c.Clock()
	return nil
}

// resolveDoubt asks whether a write that failed was made all the same: then its
// records are not written twice. No other process writes this key (the journal
// is locked), so the state in memory is the true one.
func (c *Controller) resolveDoubt(ctx context.Context) error {
	if !c.doubt {
		return nil
	}
	_, rev, err := c.Journal.Load(ctx, c.key())
	if err != nil {
		return err
	}
	if rev != c.rev {
		c.rev, c.unwritten = rev, c.unwritten[c.doubtful-len(c.withdrawn):]
		switch n := len(c.withdrawn); {
		case n == 0:
		case sameKinds(c.unwritten, c.withdrawn): // the same decision again: it is recorded
			c.unwritten = c.unwritten[n:]
		default:
			c.unwritten = slices.Concat(recordsOf(c.state, []Effect{Record{Kind: "withdrawn", Data: map[string]any{"records": n}}}, c.strata()), c.unwritten)
		}
	}
	c.doubt, c.withdrawn = false, nil
	return nil
}

// withdraw takes back the records of a decision that is not carried out, as it
// could not be written. They may be in the journal all the same: resolveDoubt
// sees to it.
func (c *Controller) withdraw(lines []json.RawMessage) {
	if c.doubt && c.withdrawn == nil && c.doubtful == len(c.unwritten) {
		c.withdrawn = lines
	}
	c.unwritten = c.unwritten[:len(c.unwritten)-len(lines)]
}

// sameKinds says that the first lines are of the same kinds as those.
func sameKinds(lines, those []json.RawMessage) bool {
	if len(lines) < len(those) {
		return false
	}
	kind := func(line json.RawMessage) string {
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			panic("BUG: a record of this process is not JSON: " + err.Error())
		}
		return r.Kind
	}
	for i := range those {
		if kind(lines[i]) != kind(those[i]) {
			return false
		}
	}
	return true
}

// standing is where a rollout stands after a decision; Strata is what the
// decision rests on.
type standing struct {
	Model      string        `json:"model"`
	Rollout    string        `json:"rollout"`
	Generation uint64        `json:"generation"`
	Phase      Phase         `json:"phase"`
	Reason     Reason        `json:"reason,omitempty"`
	Weight     weight        `json:"weight"`
	Step       int           `json:"step"`
	Served     time.Duration `json:"served_ns"`
	Held       time.Duration `json:"held_ns"`
	Strata     uint64        `json:"strata,omitempty"`
	Window     int           `json:"window,omitempty"`
}

// recordLine is a line of the journal as it is written.
type recordLine struct {
	standing
	Record
}

// strata is how many closed strata the judge has seen; 0 without a judge.
func (c *Controller) strata() uint64 {
	if c.evidence == nil {
		return 0
	}
	return c.evidence.seq
}

func recordsOf(s State, effects []Effect, strata uint64) []json.RawMessage {
	var lines []json.RawMessage
	for _, e := range effects {
		r, ok := e.(Record)
		if !ok {
			continue
		}
		data, err := json.Marshal(recordLine{standing{s.Model, s.ID, s.Generation, s.Phase, s.Reason, s.Weight, s.Step, s.Served, s.Held, strata, s.Window}, r})
		if err != nil {
			panic("BUG: record does not marshal: " + err.Error())
		}
		lines = append(lines, data)
	}
	return lines
}
