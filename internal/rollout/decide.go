package rollout

import (
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/judge"
)

// Times that are not the policy's to choose.
const (
	// BreakerPatience is how long the candidate's breaker may stay open before
	// the candidate is taken back.
	BreakerPatience = 10 * time.Second
)

// Decide maps a state and an event to the next state and what has to be done.
// It is pure: no clock, no randomness, no input but its arguments; now is wall
// time, for records only. A command that the phase or a safety rule forbids
// returns the state unchanged with a *Refusal.
func Decide(s State, e Event, now time.Time) (State, []Effect, error) {
	d := decision{State: s, now: now}
	err := d.take(e)
	if err != nil {
		return s, nil, err
	}
	if d.changed || len(d.effects) > 0 {
		d.Generation++
	}
	return d.State, d.effects, nil
}

// decision is a state being changed, with the effects gathered so far.
type decision struct {
	State
	now     time.Time
	effects []Effect
	changed bool
}

func (d *decision) take(e Event) error {
	switch e := e.(type) {
	case Commanded:
		return d.command(e)
	case Tick:
		d.followEdit(e.Health)
		if !d.retryAlert(e) {
			d.tick(e)
		}
	case Alerted:
		d.alerted(e)
	case Approving:
		return d.approve(e)
	case Superseding:
		return d.supersede(e)
	case IdleChecked:
		d.idleChecked(e)
	case Began:
		d.began(e)
	case BeginRefused:
		d.beginRefused(e)
	case RegistryFailed:
		d.owe(e)
	case PromotionEnded:
		d.promotionEnded(e)
	case ReloadEnded:
		d.reloadEnded(e)
	case Progress:
		d.progress(e)
	case Restarted:
		d.restarted(e)
	case Finished:
		d.finished()
	}
	return nil
}

func (d *decision) do(effects ...Effect) { d.effects = append(d.effects, effects...) }

// note writes a line of the journal.
func (d *decision) note(kind string, data any) { d.do(Record{Kind: kind, Data: data}) }

func (d *decision) beginRefused(e BeginRefused) {
	if d.Phase != Pending {
		return
	}
	d.note("start_refused", map[string]any{"candidate": d.Candidate, "why": e.Why})
	*d = decision{State: State{Format: Format, Model: d.Model, Phase: None, Message: e.Why, Generation: d.Generation, Approvals: d.Approvals, Colours: d.Colours}, now: d.now, effects: d.effects}
}

// owe keeps what the registry has to be told when it answers again.
func (d *decision) owe(e RegistryFailed) {
	since := d.Owed.Since
	if since == nil {
		since = stamp(d.now)
		d.note("registry_pending", map[string]any{"error": e.Error, "phase": d.Phase})
	}
	d.Owed = Owed{Pending: true, Since: since, LastError: e.Error, NextTry: stamp(e.NextTry)}
	d.changed = true
}

// promotionEnded: the registry was changed, or a person had changed it first.
func (d *decision) promotionEnded(e PromotionEnded) {
	promoting := d.Phase == Promoting || (d.Phase == Paused && d.Resume.Phase == Promoting)
	if !promoting {
		return
	}
	d.Owed = Owed{}
	if e.Outcome.Result != ResultDone {
		d.pause(ReasonRegistryConflict, "the registry was changed by somebody else: "+e.Outcome.Found)
		d.note("promotion_stopped", e.Outcome)
		d.do(RaiseIncident{Kind: ReasonRegistryConflict, Message: d.Message})
		return
	}
	d.note("promoted_in_registry", map[string]any{"found": e.Outcome.Found, "actions": e.Outcome.Actions})
	d.toBake()
}

// toBake sends everyone to the promoted version while the previous one stays warm.
func (d *decision) toBake() {
	next := d.Step
	if i := d.bakeStep(); i >= 0 {
		next = i
	}
	if d.Phase == Paused {
		d.Resume = &ResumePoint{Phase: Baking, Weight: d.Policy.WeightOf(Step{}), Reason: d.Resume.Reason} // nothing is mirrored any more
	} else {
		d.Phase, d.Reason, d.Message = Baking, "", ""
		d.serve(d.Policy.WeightOf(Step{}), 0)
	}
	d.enter(next)
	d.note("baking", map[string]any{"hold_s": d.step().Hold().Seconds()})
}

func (d *decision) bakeStep() int {
	for i, s := range d.Policy.Plan {
		if s.Bake != nil {
			return i
		}
	}
	return -1
}

func (d *decision) promoteStep() int {
	for i, s := range d.Policy.Plan {
		if s.Promote != nil {
			return i
		}
	}
	return -1
}

// startPromotion tells the registry; traffic stays as it is until that is done.
func (d *decision) startPromotion() {
	if i := d.promoteStep(); i >= 0 {
		d.enter(i)
	}
	d.Phase, d.Reason, d.Message, d.Resume = Promoting, "", "", nil
	d.Mirror, d.MirrorByKey, d.Colour = 0, false, nil
	d.Owed = Owed{}
	d.note("promoting", nil)
	d.do(PromoteInRegistry{})
}

// advance goes to the next step; the caller has decided that it may.
func (d *decision) advance(why string, gates []judge.GateVerdict) {
	next := d.Step + 1
	if d.Phase == Baking || next >= len(d.Policy.Plan) {
		return
	}
	d.Message = ""
	d.note("advanced", map[string]any{"from": d.Step, "to": next, "why": why, "held_s": d.Held.Seconds(), "gates": gates})
	if d.Policy.Plan[next].Promote != nil {
		d.startPromotion()
		return
	}
	d.goTo(next)
}

// endBake lets the arms swap, or the baseline's upstreams load the new version;
// the candidate's serve everyone until they have. It returns what is in the way.
func (d *decision) endBake(why string, gates []judge.GateVerdict, h Health) (wrong string) {
	baked := Record{Kind: "baked", Data: map[string]any{"why": why, "held_s": d.Held.Seconds(), "gates": gates}}
	if d.Policy.swaps() {
		effects := d.effects
		d.do(baked)
		if wrong = d.swapArms(h); wrong != "" {
			d.effects = effects
			return wrong
		}
		d.complete()
		return ""
	}
	d.Reason, d.Message = ReasonReloading, "waiting for the baseline's upstreams to serve version "+d.Candidate
	d.do(baked)
	if d.Policy.hook() != nil {
		d.do(ReloadBaseline{})
	}
	return ""
}

func (d *decision) reloadEnded(e ReloadEnded) {
	if d.Phase != Baking || d.Reason != ReasonReloading {
		return
	}
	d.changed = true
	if e.Error != "" {
		d.Message = "the reload hook failed and is tried again: " + e.Error
		d.note("reload_failed", map[string]any{"error": e.Error})
		return
	}
	d.Reloaded = true
	d.note("reloaded", nil)
}

// complete ends a rollout well: users are on the baseline's upstreams, which
// serve what was on trial.
func (d *decision) complete() {
	d.Phase, d.Reason, d.Message = Promoted, "", ""
	d.serve(0, 0)
	d.FinishedAt = stamp(d.now)
	d.Owed = Owed{Pending: true, Since: stamp(d.now)} // until Finished
	d.note("promoted", map[string]any{"version": d.Candidate})
	d.do(FinishInRegistry{Status: string(Promoted)})
}

// pause keeps the weight and stops the hold's clock; judging goes on.
func (d *decision) pause(reason Reason, message string) {
	if d.Phase == Paused {
		if d.Reason == reason {
			return
		}
		d.Reason, d.Message = reason, message
		d.note("paused", map[string]any{"reason": reason, "message": message, "weight": d.Weight})
		return
	}
	d.Resume = &ResumePoint{Phase: d.Phase, Weight: d.Weight, Mirror: d.Mirror}
	d.Phase, d.Reason, d.Message = Paused, reason, message
	d.note("paused", map[string]any{"reason": reason, "message": message, "weight": d.Weight})
}

// suspend takes the candidate off traffic until what is wrong is right again;
// it remembers the weight, and a pause that was there before.
func (d *decision) suspend(reason Reason, message string) {
	if d.Phase == Paused && d.suspended() {
		if d.Reason == ReasonVersionChanged && reason == ReasonRestarted {
			reason = d.Reason // it ends the same way, and its step begins anew
		}
		if d.Reason != reason {
			d.note("suspended", map[string]any{"reason": reason, "message": message})
		}
		d.Reason, d.Message, d.changed = reason, message, true
		return
	}
	at := ResumePoint{Phase: d.Phase, Weight: d.Weight, Mirror: d.Mirror}
	if d.Phase == Paused {
		at = ResumePoint{Phase: d.Resume.Phase, Weight: d.Weight, Mirror: d.Mirror, Reason: d.Reason}
	}
	d.Resume = &at
	d.Phase, d.Reason, d.Message = Paused, reason, message
	d.serve(0, 0)
	d.note("suspended", map[string]any{"reason": reason, "message": message, "weight_before": at.Weight})
}

// suspended: paused at weight 0 by Headgate itself, not by a person.
func (d *decision) suspended() bool {
	return d.Reason == ReasonRestarted || d.Reason == ReasonVersionChanged || d.awaitsPerson()
}

// awaitsPerson: nothing that Headgate sees by itself ends the suspension.
func (d *decision) awaitsPerson() bool {
	return d.Reason == ReasonEvidenceLost || d.Reason == ReasonRepeatFailures
}

// unsuspend gives the weight back, and the pause that was there before.
func (d *decision) unsuspend(why string) {
	at := *d.Resume
	anew := d.Reason == ReasonVersionChanged || d.Reason == ReasonRepeatFailures
	d.note("resumed", map[string]any{"why": why, "weight": at.Weight, "phase": at.Phase, "anew": anew})
	d.Message = ""
	if at.Reason != "" {
		d.Reason, d.Resume = at.Reason, &ResumePoint{Phase: at.Phase, Weight: at.Weight, Mirror: at.Mirror}
	} else {
		d.Phase, d.Reason, d.Resume = at.Phase, "", nil
	}
	d.serve(at.Weight, at.Mirror)
	if anew { // what was measured before is not carried over
		d.again()
	}
	d.checkAgain()
	if d.Phase == Promoting {
		d.do(PromoteInRegistry{})
	}
}

func (d *decision) label() string {
	return fmt.Sprintf("version %s of %s", d.Candidate, d.Model)
}
