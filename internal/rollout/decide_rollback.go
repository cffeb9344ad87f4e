package rollout

import "fmt"

// takeBack is the one way back: gate, breaker, alert, deadline and operator all
// come through here. It reports whether it decided anything.
//
// Users are never sent to a baseline that is not safe: then the weight stays,
// the rollout pauses and people are told. An operator may force it.
func (d *decision) takeBack(o Order, h Health) bool {
	o.ID, o.DecidedAt = d.ID, d.now.UTC()
	o.Phase, o.Step, o.Weight = d.Phase, d.Step, d.Weight
	if d.Phase == Paused && d.Resume != nil {
		o.Weight = max(o.Weight, d.Resume.Weight)
	}
	if d.swappedBy() {
		d.followEdit(h)
		d.exchange("taken back") // users are on the other colour with this state
	} else if d.baselineReloaded(h) {
		o.RegistryFirst = true
	} else if ok, why := h.Baseline.safe(d.Baseline); !ok && !o.Forced && d.Weight > 0 {
		if d.Phase == Paused && d.Reason == ReasonBaselineUnhealthy {
			return true
		}
		d.pause(ReasonBaselineUnhealthy, "to be taken back ("+o.Reason+"), but the baseline "+why)
		d.do(RaiseIncident{Kind: ReasonBaselineUnhealthy, Message: d.label() + ": " + d.Message})
		return true
	}
	if d.Drill { // By and Reason say what decided
		o.Cause = CauseDrill
	}
	d.Order = &o
	d.Phase, d.Reason, d.Message, d.Cause = RollingBack, "", o.Reason, o.Cause
	d.Resume, d.Owed, d.FinishedAt, d.Waiting = nil, Owed{}, nil, nil
	d.Mirror, d.MirrorByKey = 0, false
	if !o.RegistryFirst {
		d.Weight = 0
	}
	if o.Cause != CauseSuperseded && o.Cause != CauseDrill {
		d.withdraw()
	}
	d.note("rolling_back", o)
	d.do(ExecuteRollback{})
	return true
}

// swapBack takes a promoted version back in one swap: the colour that users came
// from is idle, and has to serve what it did.
func (d *decision) swapBack(o Order, h Health) error {
	if h.Candidate.Total == 0 {
		return refuse(Refused, "give the route its candidate back", "not rolled back: the idle colour has no upstream")
	}
	if ok, why := h.Candidate.safe(d.Baseline); !ok && !o.Forced {
		return refuse(Refused, fmt.Sprintf("have it serve version %s, or add --force to send users there all the same", d.Baseline), "not rolled back: the idle colour %s", why)
	}
	d.takeBack(o, h)
	return nil
}

// progress keeps how far the executor has come.
func (d *decision) progress(p Progress) {
	if (d.Phase != RollingBack && d.Phase != RolledBack) || d.Order == nil {
		return
	}
	o := *d.Order
	if p.RegistryAt != nil && o.RegistryAt == nil {
		o.RegistryAt, o.Result, o.Found, o.Actions = p.RegistryAt, p.Outcome.Result, p.Outcome.Found, p.Outcome.Actions
		d.Owed = Owed{}
		d.note("registry_restored", map[string]any{"result": o.Result, "found": o.Found, "actions": o.Actions})
	}
	if p.Restored {
		o.Restored = true
		d.Weight = 0
		d.note("traffic_restored", nil)
	}
	if p.IncidentAt != nil && o.IncidentAt == nil {
		o.IncidentAt = p.IncidentAt
		d.note("incident", map[string]any{"id": o.ID})
	}
	if p.MessagesAt != nil {
		o.MessagesAt = p.MessagesAt
	}
	d.Order, d.changed = &o, true
	if p.Finished && d.Phase == RollingBack {
		d.Phase, d.Owed = RolledBack, Owed{}
		d.Weight = 0
		d.FinishedAt = stamp(d.now)
		d.note("rolled_back", map[string]any{"cause": o.Cause, "version": d.Candidate, "registry": o.Result})
	}
}
