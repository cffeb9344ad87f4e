package rollout

// Phase is where a rollout stands. A failure is not a phase: it is a
// rolled-back rollout with its cause.
type Phase string

// The phases, in the order a healthy rollout passes them.
const (
	None        Phase = "none" // a known model without a rollout
	Pending     Phase = "pending"
	Shadowing   Phase = "shadowing" // copies and no users
	Progressing Phase = "progressing"
	Paused      Phase = "paused"
	Promoting   Phase = "promoting"
	Baking      Phase = "baking"
	Promoted    Phase = "promoted"
	RollingBack Phase = "rolling_back"
	RolledBack  Phase = "rolled_back"
)

// Phases lists every phase, for metrics and help texts.
func Phases() []Phase {
	return []Phase{None, Pending, Shadowing, Progressing, Paused, Promoting, Baking, Promoted, RollingBack, RolledBack}
}

// Live reports whether a rollout in this phase still has something to decide:
// it holds the model, and another one cannot start.
func (p Phase) Live() bool {
	switch p {
	case Pending, Shadowing, Progressing, Paused, Promoting, Baking, RollingBack:
		return true
	case None, Promoted, RolledBack:
		return false
	}
	return false
}

// Cause says what took a candidate back.
type Cause string

// The causes of a rollback.
const (
	CauseGate       Cause = "gate"
	CauseBreaker    Cause = "breaker"
	CauseAlert      Cause = "alert"
	CauseOperator   Cause = "operator"
	CauseDeadline   Cause = "deadline"
	CauseSuperseded Cause = "superseded"
	CauseDrill      Cause = "drill"
)

// Causes lists every cause, for metrics.
func Causes() []Cause {
	return []Cause{CauseGate, CauseBreaker, CauseAlert, CauseOperator, CauseDeadline, CauseSuperseded, CauseDrill}
}

// Reason says why a rollout is paused, or why a model without one cannot
// start one.
type Reason string

// The reasons. Operator keeps the weight and the person's words go to Message.
const (
	ReasonOperator          Reason = "operator"
	ReasonAlert             Reason = "alert"
	ReasonRestarted         Reason = "restarted"
	ReasonVersionChanged    Reason = "version_changed"
	ReasonBaselineChanged   Reason = "baseline_changed"
	ReasonBaselineUnhealthy Reason = "baseline_unhealthy"
	ReasonEvidenceLost      Reason = "evidence_lost"
	ReasonRegistryConflict  Reason = "registry_conflict"
	ReasonMeasurementBroken Reason = "measurement_broken" // the arms cannot be compared
	ReasonRepeatFailures    Reason = "repeat_failures"    // users who were counted before fail again
	ReasonApproval          Reason = "approval"           // a person's approval is waited for
	ReasonDeadline          Reason = "deadline"           // the step takes longer than the policy allows
	ReasonReloading         Reason = "reloading"          // after the bake: the baseline's upstreams load the new version
	ReasonNoBaseline        Reason = "no_baseline"        // no single Production version
	ReasonOrphaned          Reason = "orphaned"           // the registry knows an unfinished rollout that the journal does not
)
