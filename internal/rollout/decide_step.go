package rollout

import (
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/judge"
)

// began: the registry knows the rollout, so the first step can begin.
func (d *decision) began(e Began) {
	if d.Phase != Pending {
		return
	}
	d.Binding = e.Binding
	d.Owed = Owed{}
	d.Phase = Progressing
	d.goTo(0)
	d.note("started", map[string]any{"step": 0, "weight": d.Weight, "shadow": d.Mirror, "binding": e.Binding})
}

// goTo begins step i with the traffic that it sends to the candidate.
func (d *decision) goTo(i int) {
	s := d.Policy.Plan[i]
	d.Colour = nil
	if s.Approve == nil {
		d.MirrorByKey = s.Shadow != nil && s.Shadow.By == ByKey
	}
	switch {
	case s.Approve != nil: // the traffic stays as it was
	case s.Shadow != nil:
		d.Phase = Shadowing
		d.serve(0, s.Shadow.Share)
	case s.BlueGreen != nil: // users stay where they are until the idle colour is checked
		d.Phase = Progressing
		d.serve(d.Weight, 0)
		d.Colour = &Colour{}
		d.do(CheckIdle{Step: i})
	default:
		d.Phase = Progressing
		d.serve(d.Policy.WeightOf(s), 0)
	}
	d.enter(i)
}

// enter begins step i of the plan.
func (d *decision) enter(i int) {
	d.Step, d.Held, d.Window = i, 0, 0
	d.StepBegan, d.Overdue = d.now.UTC(), false
	if d.evidenceStep() == i {
		d.do(BeginStep{Step: i})
	}
}

// again begins the evidence anew that the step rests on: while an approval is
// waited for, that is a step before it, which has to be shown once more.
func (d *decision) again() {
	i := d.evidenceStep()
	if i != d.Step && d.step().Approve != nil {
		if d.Phase == Paused && d.Reason == ReasonApproval {
			d.Phase, d.Reason, d.Resume = d.Resume.Phase, "", nil
		}
		d.enter(i)
		return
	}
	d.Held, d.Window = 0, 0
	d.do(BeginStep{Step: i})
}

// evidenceStep is the step whose evidence goes on: that of the step before while
// an approval is waited for, or an idle colour is checked.
func (s State) evidenceStep() int {
	if s.Colour != nil && !s.Colour.Switched && s.Step > 0 {
		return s.Policy.EvidenceStep(s.Step - 1)
	}
	return s.Policy.EvidenceStep(s.Step)
}

// serve gives the candidate its users and its copies; coming from nothing it
// warms up first.
func (d *decision) serve(w, mirror weight) {
	cold := d.Weight == 0 && w > 0 || !d.serving() && mirror > 0
	if cold && d.Policy.WarmUp != nil {
		d.WarmUntil = d.Served + *d.Policy.WarmUp
	}
	d.Weight, d.Mirror = w, mirror
}

// window is a part of a long hold in which every required gate has to be shown
// anew. They come one after the other; one that ends without being shown starts
// the count again.
func (d *decision) window(t Tick, s ShadowStep) {
	if d.Held < time.Duration(d.Window+1)*s.Every {
		return
	}
	n, of := d.Window+1, s.Windows()
	said := map[string]any{"window": n, "of": of, "every_s": s.Every.Seconds(), "gates": t.Judgement.Gates}
	switch {
	case t.Judgement.Verdict == judge.Pass && n >= of:
		d.passed(t)
		return
	case t.Judgement.Verdict == judge.Pass:
		d.Window = n
		d.Message = fmt.Sprintf("window %d of %d shown", n, of)
		d.note("window_shown", said)
	case d.Policy.OnInconclusive == OnInconclusiveBack:
		d.takeBack(Order{Cause: CauseDeadline, By: "deadline", Reason: fmt.Sprintf("no verdict at the end of window %d of %d: %s", n, of, t.Judgement.Reason), Gates: t.Judgement.Gates}, t.Health)
		return
	default:
		d.Window, d.Held = 0, 0
		d.Message = fmt.Sprintf("window %d of %d ended without being shown, so the count starts again: %s", n, of, t.Judgement.Reason)
		said["reason"] = t.Judgement.Reason
		d.note("window_missed", said)
	}
	d.do(BeginStep{Step: d.Step})
}

// overdue acts on the end of the step's deadline: true when that is all that
// there is to do. What a person has stopped is in their hands.
func (d *decision) overdue(t Tick) bool {
	s := d.step()
	if s.Deadline == 0 || d.Overdue || d.Phase == Baking || d.StepBegan.IsZero() || d.now.Sub(d.StepBegan) < s.Deadline {
		return false
	}
	why := fmt.Sprintf("step %d (%s) began at %s and was to end within %s", d.Step+1, s.Kind(), d.StepBegan.Format(time.RFC3339), s.Deadline)
	if s.OnDeadline == OnDeadlineRollback {
		return d.takeBack(Order{Cause: CauseDeadline, By: "deadline", Reason: why, Gates: t.Judgement.Gates}, t.Health)
	}
	d.Overdue = true
	d.note("overdue", map[string]any{"step": d.Step, "do": s.OnDeadline, "why": why})
	if s.OnDeadline == OnDeadlineHold {
		d.pause(ReasonDeadline, why)
	}
	d.do(RaiseIncident{Kind: ReasonDeadline, Message: d.label() + ": " + why})
	return s.OnDeadline == OnDeadlineHold
}

// frozen says that a freeze keeps what is due from being done, until when.
func (d *decision) frozen(what string) bool {
	until, frozen := d.Policy.Frozen(d.now)
	if frozen {
		d.say(fmt.Sprintf("%s is due and waits: frozen until %s", what, until.Format(time.RFC3339)))
	}
	return frozen
}

// say changes what the status shows.
func (d *decision) say(message string) {
	if d.Message != message {
		d.Message, d.changed = message, true
	}
}

// supersede ends the rollout in favour of another version.
func (d *decision) supersede(e Superseding) error {
	if !d.Phase.Live() || d.Phase == RollingBack {
		return nil // on its way out already
	}
	if d.Policy.OnNewer != OnNewerSupersede {
		return refuse(Refused, fmt.Sprintf("headgate rollback %s --reason … ends it", d.Model), "a rollout of %s to version %s is %s", d.Model, d.Candidate, d.Phase)
	}
	d.takeBack(Order{Cause: CauseSuperseded, By: e.By, Reason: fmt.Sprintf("version %s is to be tried instead", e.Version), Gates: e.Gates}, e.Health)
	if d.Phase != RollingBack {
		return refuse(Refused, "put the baseline right first", "version %s of %s is not superseded: %s", d.Candidate, d.Model, d.Message)
	}
	return nil
}
