package rollout

// restarted brings a live rollout back at weight 0. It regains its weight by
// itself once both arms serve what was recorded; without trustworthy evidence
// it waits for a person. What was owed is taken up again.
func (d *decision) restarted(e Restarted) {
	switch d.Phase {
	case None, Promoted, RolledBack:
		d.takeUpFinish()
		return
	case Pending:
		d.do(BeginInRegistry{})
		return
	case RollingBack:
		d.Weight = 0
		d.do(ExecuteRollback{})
		return
	case Shadowing, Progressing, Paused, Promoting, Baking:
	}
	if e.EvidenceLost != "" {
		d.suspend(ReasonEvidenceLost, e.EvidenceLost)
		d.do(RaiseIncident{Kind: ReasonEvidenceLost, Message: d.label() + ": " + e.EvidenceLost})
		return
	}
	if d.Phase == Paused && d.Reason == ReasonRepeatFailures {
		return // still a person's to judge, and off the traffic
	}
	d.suspend(ReasonRestarted, "checking that both arms serve what was recorded")
}

// takeUpFinish repeats the clearing of marks that a crash may have cut short;
// the registry takes it as often as it comes.
func (d *decision) takeUpFinish() {
	if d.Phase == Promoted && d.Owed.Pending {
		d.do(FinishInRegistry{Status: string(Promoted)})
	}
}

// finished: the registry holds no mark of an unfinished rollout any more.
func (d *decision) finished() {
	if d.Phase == Promoted {
		d.Owed, d.changed = Owed{}, true
	}
}
