package rollout

import (
	"fmt"
	"time"
)

// command takes an operator's order or refuses it, saying what to do instead.
func (d *decision) command(c Commanded) error {
	if c.IfMatch != nil && c.Kind != Rollback && c.Kind != Pause && *c.IfMatch != d.Generation {
		return refuse(Conflict, "read the rollout again and decide anew", "the rollout is at generation %d, not %d", d.Generation, *c.IfMatch)
	}
	switch c.Kind {
	case Start:
		return d.start(c)
	case Rollback:
		return d.rollbackByHand(c)
	case Pause, Resume, Advance, Promote:
		if !d.Phase.Live() || d.Phase == RollingBack || d.Phase == Pending {
			return refuse(Refused, "headgate status "+d.Model+" shows where it stands", "cannot %s: %s is %s", c.Kind, d.Model, d.Phase)
		}
	}
	switch c.Kind {
	case Pause:
		d.pauseByHand(c)
		return nil
	case Resume:
		return d.resumeByHand(c)
	case Advance:
		return d.advanceByHand(c)
	case Promote:
		return d.promoteByHand(c)
	case Start, Rollback:
	}
	return refuse(Invalid, "", "unknown command %q", c.Kind)
}

func (d *decision) start(c Commanded) error {
	if d.Phase.Live() {
		return refuse(Refused, fmt.Sprintf("headgate rollback %s --reason … ends it", d.Model), "a rollout of %s to version %s is %s", d.Model, d.Candidate, d.Phase)
	}
	if d.Owed.Pending {
		return refuse(Refused, "it is told as soon as it answers; headgate status shows the last error", "the registry has not been told the end of the last rollout of %s", d.Model)
	}
	n := c.New
	if until, frozen := n.Policy.Frozen(d.now); frozen {
		return refuse(Refused, "start it then", "not started: frozen until %s", until.Format(time.RFC3339))
	}
	generation := d.Generation
	d.State = State{
		Format: Format, Model: d.Model, ID: n.ID, Phase: Pending, Generation: generation,
		Baseline: n.Baseline, Candidate: c.Version, Unverified: c.Unverified, Again: c.Again, Drill: c.Drill,
		Salt: n.Salt, Policy: n.Policy, PolicyHash: n.PolicyHash, Binding: Binding{Mode: n.Mode, Model: d.Model, RolloutID: n.ID, Baseline: n.Baseline, Candidate: c.Version},
		StartedBy: c.By, StartedAt: d.now.UTC(), Approvals: d.Approvals, Colours: d.Colours,
	}
	d.note("start", map[string]any{
		"baseline": n.Baseline, "candidate": c.Version, "by": c.By, "reason": c.Reason, "policy_hash": n.PolicyHash,
		"unverified": c.Unverified, "again": c.Again, "rungs": "not asked: there is no promotion ladder yet",
	})
	d.do(BeginInRegistry{})
	return nil
}

func (d *decision) rollbackByHand(c Commanded) error {
	if c.Orphan != nil && !d.Phase.Live() {
		d.endOrphan(c)
		return nil
	}
	switch d.Phase {
	case None:
		return refuse(Refused, "", "cannot roll back: %s has no rollout", d.Model)
	case RolledBack, RollingBack:
		return refuse(Refused, "headgate status "+d.Model+" shows how far it is", "version %s of %s is %s already", d.Candidate, d.Model, d.Phase)
	case Pending, Shadowing, Progressing, Paused, Promoting, Baking, Promoted:
	}
	order := Order{Cause: CauseOperator, By: c.By, Reason: c.Reason, Forced: c.Force, Gates: c.Gates}
	if d.swappedBy() {
		return d.swapBack(order, c.Health)
	}
	if ok, why := c.Health.Baseline.safe(d.Baseline); !ok && !c.Force && !d.baselineReloaded(c.Health) && d.Weight > 0 {
		return refuse(Refused, "add --force to send users there all the same", "not rolled back: the baseline %s", why)
	}
	d.takeBack(order, c.Health)
	return nil
}

// endOrphan takes back a rollout that the lost journal can say nothing of: the
// registry's own marks say where both versions stood. Traffic is on the
// baseline already.
func (d *decision) endOrphan(c Commanded) {
	b := *c.Orphan
	d.State = State{
		Format: Format, Model: d.Model, ID: b.RolloutID, Phase: RollingBack, Cause: CauseOperator, Message: c.Reason, Generation: d.Generation,
		Baseline: b.Baseline, Candidate: b.Candidate, Binding: b, Approvals: d.Approvals, Colours: d.Colours,
	}
	d.Order = &Order{ID: b.RolloutID, Cause: CauseOperator, By: c.By, Reason: c.Reason, DecidedAt: d.now.UTC(), Phase: None, TrafficAt: stamp(d.now)}
	d.note("rolling_back_orphan", d.Order)
	d.do(ExecuteRollback{})
}

func (d *decision) pauseByHand(c Commanded) {
	if d.Phase == Paused {
		if d.suspended() { // stay off traffic, and stay paused when that is over
			d.Resume.Reason, d.changed = ReasonOperator, true
			d.note("paused", map[string]any{"by": c.By, "reason": c.Reason})
		} else if d.Reason != ReasonOperator {
			d.Reason, d.Message = ReasonOperator, c.Reason
			d.note("paused", map[string]any{"by": c.By, "reason": c.Reason})
		}
		return
	}
	d.Resume = &ResumePoint{Phase: d.Phase, Weight: d.Weight, Mirror: d.Mirror}
	d.Phase, d.Reason, d.Message = Paused, ReasonOperator, c.Reason
	d.note("paused", map[string]any{"by": c.By, "reason": c.Reason, "weight": d.Weight})
}

func (d *decision) resumeByHand(c Commanded) error {
	if d.Phase != Paused {
		return refuse(Refused, "", "cannot resume: %s is %s", d.Model, d.Phase)
	}
	if d.Reason == ReasonApproval {
		return refuse(Refused, "it goes on by itself when the approval is there", "not resumed: %s", d.Message)
	}
	if d.suspended() && !d.awaitsPerson() {
		d.Resume.Reason, d.changed = "", true // a pause underneath is lifted
		if ok, why := d.verified(c.Health); !ok {
			return refuse(Refused, "it resumes by itself once that is right", "not resumed: %s", why)
		}
	}
	if ok, why := d.verified(c.Health); !ok {
		return refuse(Refused, "put that right first", "not resumed: %s", why)
	}
	d.Waiting = nil // a person goes on in spite of the alert
	d.note("resume", map[string]any{"by": c.By, "reason": c.Reason, "was": d.Reason})
	d.unsuspend("operator")
	return nil
}

func (d *decision) advanceByHand(c Commanded) error {
	if until, frozen := d.Policy.Frozen(d.now); frozen {
		return refuse(Refused, "advance it then", "cannot advance: frozen until %s", until.Format(time.RFC3339))
	}
	if d.Phase == Paused && d.Reason == ReasonApproval {
		return refuse(Refused, "it goes on by itself when the approval is there", "cannot advance: %s", d.Message)
	}
	switch d.Phase {
	case Shadowing, Progressing:
	case Baking:
		if d.Reason == ReasonReloading {
			if c.Health.Baseline.Verifiable {
				return refuse(Refused, "reload them, or wait", "cannot advance: %s", d.Message)
			}
			d.note("advance", map[string]any{"by": c.By, "reason": c.Reason, "unverified": true})
			d.complete()
			return nil
		}
		d.note("advance", map[string]any{"by": c.By, "reason": c.Reason})
		if wrong := d.endBake("operator "+c.By, c.Gates, c.Health); wrong != "" {
			return refuse(Refused, "it goes on by itself once that is right", "cannot advance: the arms do not swap yet: %s", wrong)
		}
		return nil
	case None, Pending, Paused, Promoting, Promoted, RollingBack, RolledBack:
		return refuse(Refused, "headgate resume first when it is paused", "cannot advance: %s is %s", d.Model, d.Phase)
	}
	if d.Step+1 >= len(d.Policy.Plan) {
		return refuse(Refused, "headgate promote ends the rollout", "cannot advance: step %d is the last of the plan", d.Step)
	}
	if a := d.step().Approve; a != nil {
		if found, missing := d.approved(*a, d.now); found == nil {
			return refuse(Refused, "it goes on by itself when the approval is there", "cannot advance: %s", missing)
		}
	}
	if d.Colour != nil && !d.Colour.Switched {
		return refuse(Refused, "it goes on by itself when the check is passed", "cannot advance: the idle colour is not checked yet %s", d.Colour.Error)
	}
	if d.Policy.Plan[d.Step+1].Promote != nil {
		if ok, why := d.verified(c.Health); !ok {
			return refuse(Refused, "what is promoted has to be what is served", "not promoted: %s", why)
		}
	}
	d.note("advance", map[string]any{"by": c.By, "reason": c.Reason})
	d.advance("operator "+c.By, c.Gates)
	return nil
}

func (d *decision) promoteByHand(c Commanded) error {
	if until, frozen := d.Policy.Frozen(d.now); frozen {
		return refuse(Refused, "promote it then", "cannot promote: frozen until %s", until.Format(time.RFC3339))
	}
	switch d.Phase {
	case Shadowing, Progressing:
	case Paused:
		if d.suspended() || d.Resume.Phase != Progressing && d.Resume.Phase != Shadowing {
			return refuse(Refused, "", "cannot promote: %s is paused (%s)", d.Model, d.Reason)
		}
	case None, Pending, Promoting, Baking, Promoted, RollingBack, RolledBack:
		return refuse(Refused, "", "cannot promote: %s is %s", d.Model, d.Phase)
	}
	if ok, why := d.verified(c.Health); !ok {
		return refuse(Refused, "what is promoted has to be what is served", "not promoted: %s", why)
	}
	if missing := d.unapproved(); missing != "" {
		return refuse(Refused, "no approval, no production", "not promoted: %s", missing)
	}
	d.note("promote", map[string]any{"by": c.By, "reason": c.Reason, "step": d.Step, "gates": c.Gates})
	d.startPromotion()
	return nil
}
