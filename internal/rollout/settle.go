package rollout

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/headgate/headgate/internal/kpi"
)

func (c *Controller) handle(e Event) error { return c.settle(c.ctx, e) }

// settle asks Decide and carries out what it says, in the order of safety: less
// candidate traffic is applied first and written second; more is written first
// and applied second, and not at all when it cannot be written.
func (c *Controller) settle(ctx context.Context, e Event) error {
	next, effects, err := Decide(c.state, e, c.Clock())
	if err != nil {
		return err
	}
	prev := c.state
	if next.Generation == prev.Generation {
		c.state = next // clocks only
		c.publish()
		return nil
	}
	c.prepareEvidence(prev, next)
	safe := next.Weight <= prev.Weight
	if safe {
		c.apply(prev, &next)
	}
	c.state = next
	lines := recordsOf(next, effects)
	c.unwritten = append(c.unwritten, lines...)
	if err := c.commit(ctx); err != nil {
		if !safe || unsafePhase(prev, next) {
			c.state = prev
			c.unwritten = c.unwritten[:len(c.unwritten)-len(lines)]
			c.Log.Error("journal not written: nothing more goes to the candidate", "model", c.model, "error", err)
			return fmt.Errorf("write the journal: %w", err)
		}
		c.dirty = true
		c.Log.Error("journal not written: the safe change stands", "model", c.model, "error", err)
	}
	if !safe {
		c.apply(prev, &c.state)
	}
	c.publish()
	c.carryOut(effects)
	return nil
}

// unsafePhase: a promotion that is not written is not begun.
func unsafePhase(prev, next State) bool {
	return next.Phase != prev.Phase && (next.Phase == Promoting || next.Phase == Pending || next.Phase == Promoted)
}

// apply swaps the traffic in this process.
func (c *Controller) apply(prev State, next *State) {
	if next.Weight != prev.Weight || (prev.Phase == Pending && next.Phase == Progressing) {
		if c.evidence != nil {
			c.closeStratum(c.evidence, c.evidence.recorder.Snapshot())
			c.evidence.count(next.Weight > 0 && next.Served >= next.WarmUntil)
		}
		assignment := c.assignment(next.Weight)
		if !next.Phase.Live() {
			assignment = Assignment{}
		}
		c.Traffic.Assign(c.model, assignment)
		c.Log.Info("weight changed", "model", c.model, "from", prev.Weight, "to", next.Weight, "phase", next.Phase)
	}
	if o := next.Order; next.Weight == 0 && o != nil && o.TrafficAt == nil && !o.awaitsTraffic() {
		o.TrafficAt = stamp(c.Clock())
	}
}

// prepareEvidence makes the measured side of a rollout that is about to serve,
// and drops it when the rollout is over.
func (c *Controller) prepareEvidence(prev, next State) {
	if prev.Phase == Pending && next.Phase == Progressing {
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
	data, err := e.close(c.state.Served, snap, c.state.Weight > aloneAbove)
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
		c.doubt, c.doubtful = true, len(c.unwritten)
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
		c.rev, c.unwritten = rev, c.unwritten[min(c.doubtful, len(c.unwritten)):]
	}
	c.doubt = false
	return nil
}

// recordLine is a line of the journal.
type recordLine struct {
	Model      string `json:"model"`
	Rollout    string `json:"rollout"`
	Generation uint64 `json:"generation"`
	Phase      Phase  `json:"phase"`
	Weight     weight `json:"weight"`
	Record
}

func recordsOf(s State, effects []Effect) []json.RawMessage {
	var lines []json.RawMessage
	for _, e := range effects {
		r, ok := e.(Record)
		if !ok {
			continue
		}
		data, err := json.Marshal(recordLine{s.Model, s.ID, s.Generation, s.Phase, s.Weight, r})
		if err != nil {
			panic("BUG: record does not marshal: " + err.Error())
		}
		lines = append(lines, data)
	}
	return lines
}
