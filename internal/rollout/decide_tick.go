package rollout

import (
	"fmt"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
)

type weight = canary.Weight

const fullWeight = canary.Full

// tick looks at everything that can change by itself, the safe direction first.
func (d *decision) tick(t Tick) {
	switch d.Phase {
	case Shadowing, Progressing, Paused, Promoting, Baking:
	case None, Pending, Promoted, RollingBack, RolledBack:
		return
	}
	if d.serving() {
		d.Served += t.Elapsed
	}
	if d.failing(t) {
		return
	}
	if d.Phase == Paused && d.suspended() {
		d.clearSuspension(t)
		return
	}
	if d.failingAgain(t) {
		return
	}
	d.measurementBroken(t)
	if d.versionsChanged(t) || d.stopped() || d.Phase == Promoting || d.overdue(t) {
		return
	}
	if d.step().Approve != nil && d.Phase != Baking {
		d.awaitApproval(t)
		return
	}
	if d.Phase == Progressing && d.Colour != nil && !d.Colour.Switched {
		d.switchOver(t)
		return
	}
	if d.Phase == Baking && d.Reason == ReasonReloading {
		d.awaitReload(t)
		return
	}
	d.hold(t)
}

// stopped: paused for more than an approval that may come.
func (d *decision) stopped() bool { return d.Phase == Paused && d.Reason != ReasonApproval }

// failing takes the candidate back when a gate or the breaker says so.
func (d *decision) failing(t Tick) bool {
	if g := t.Judgement.Failed; g != nil {
		why := g.Message
		if why == "" {
			why = fmt.Sprintf("gate %s failed", g.Name)
		}
		return d.takeBack(Order{Cause: CauseGate, By: "gate " + g.Name, Reason: why, Gate: g, Gates: t.Judgement.Gates}, t.Health)
	}
	c := t.Health.Candidate
	if d.Weight > 0 && c.BreakerOpen && c.BreakerFor >= BreakerPatience {
		return d.takeBack(Order{Cause: CauseBreaker, By: "breaker", Reason: c.BreakerReason, Gates: t.Judgement.Gates}, t.Health)
	}
	return false
}

// failingAgain takes the traffic off when users who were counted before fail
// again. No promise covers that, so the registry is left to a person.
func (d *decision) failingAgain(t Tick) bool {
	r := t.Judgement.Repeat
	if r == nil || d.Weight == 0 {
		return false
	}
	d.suspend(ReasonRepeatFailures, r.Reason)
	d.note("repeat_failures", r)
	d.do(RaiseIncident{Kind: ReasonRepeatFailures, Message: d.label() + ": " + r.Reason})
	return true
}

// measurementBroken pauses once when the arms cannot be compared: it is no
// reason to take anything back, and none to go on.
func (d *decision) measurementBroken(t Tick) {
	why := t.Judgement.Broken
	if why == "" || why == d.Broken || d.stopped() {
		return
	}
	d.Broken = why
	d.pause(ReasonMeasurementBroken, why)
	d.do(RaiseIncident{Kind: ReasonMeasurementBroken, Message: d.label() + ": the measurement is broken: " + why})
}

// clearSuspension goes on once what is served is what was recorded. A lost
// evidence log waits for a person.
func (d *decision) clearSuspension(t Tick) {
	if d.awaitsPerson() {
		return
	}
	if ok, why := d.verified(t.Health); !ok {
		if why != d.Message {
			d.Message, d.changed = why, true
		}
		return
	}
	d.unsuspend("both arms serve what was recorded")
}

// verified holds both arms against the record.
func (d *decision) verified(h Health) (bool, string) {
	if ok, why := h.Baseline.safe(d.Baseline); !ok && !d.baselineReloaded(h) {
		return false, "the baseline " + why
	}
	if ok, why := h.Candidate.serves(d.Candidate); !ok {
		return false, "the candidate " + why
	}
	return true, ""
}

// baselineReloaded: after the promotion the baseline's upstreams may serve the
// promoted version, ordered by the hook or after a restart of theirs.
func (d *decision) baselineReloaded(h Health) bool {
	return d.afterPromotion() && h.Baseline.Verifiable && h.Baseline.Up > 0 && h.Baseline.Agree && h.Baseline.Version == d.Candidate
}

func (d *decision) afterPromotion() bool {
	return d.Phase == Baking || d.Phase == Promoted || (d.Phase == Paused && d.Resume.Phase == Baking)
}

// versionsChanged: what is on trial has to stay what it was.
func (d *decision) versionsChanged(t Tick) bool {
	if t.Health.Candidate.differs(d.Candidate) {
		_, why := t.Health.Candidate.serves(d.Candidate)
		d.suspend(ReasonVersionChanged, "the candidate "+why)
		return true
	}
	b := t.Health.Baseline
	if !d.stopped() && b.differs(d.Baseline) && !d.afterPromotion() {
		_, why := b.serves(d.Baseline)
		d.pause(ReasonBaselineChanged, "the baseline "+why)
		d.do(RaiseIncident{Kind: ReasonBaselineChanged, Message: d.Message})
		return true
	}
	return false
}

// hold lets the step last as long as the plan says, and advances on pass only.
func (d *decision) hold(t Tick) {
	if d.armsServed(t.Health) {
		d.Held += t.Elapsed
	}
	if s := d.step().Shadow; s != nil && s.Every > 0 && d.Phase == Shadowing {
		d.window(t, *s)
		return
	}
	if d.moveOn(); d.Held < d.step().Hold() {
		return
	}
	switch t.Judgement.Verdict {
	case judge.Pass:
		d.passed(t)
	case judge.Fail, judge.Inconclusive:
		if d.Policy.OnInconclusive == OnInconclusiveBack && t.Judgement.Verdict == judge.Inconclusive {
			d.takeBack(Order{Cause: CauseDeadline, By: "deadline", Reason: "no verdict at the end of the hold: " + t.Judgement.Reason, Gates: t.Judgement.Gates}, t.Health)
		}
	}
}

func (d *decision) passed(t Tick) {
	if d.Phase == Baking {
		if d.frozen("the end of the bake") {
			return
		}
		if wrong := d.endBake("pass", t.Judgement.Gates, t.Health); wrong != "" {
			d.say("the arms do not swap yet: " + wrong)
		}
		return
	}
	if d.Step+1 >= len(d.Policy.Plan) || d.frozen("the advance") {
		return
	}
	d.advance("pass", t.Judgement.Gates)
}

// armsServed: a hold counts only time in which the step's arms could serve.
func (d *decision) armsServed(h Health) bool {
	if h.Candidate.Up == 0 || h.Candidate.BreakerOpen {
		return false
	}
	return d.Weight == fullWeight || h.Baseline.Up > 0
}

// awaitReload waits until the baseline's upstreams are seen to serve the
// promoted version. Where that cannot be seen the hook's answer has to do, and
// without a hook a person says it (advance).
func (d *decision) awaitReload(t Tick) {
	if d.baselineReloaded(t.Health) || (!t.Health.Baseline.Verifiable && d.Reloaded) {
		d.complete()
	}
}
