package rollout

import (
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/judge"
)

// Format is the version of State as the journal keeps it: 2 knows Colours, and who
// does not would send users to the idle ones.
const Format = 2

// State is all a rollout needs to be continued by another process: the frozen
// policy, where it stands and what is still owed. Decide maps one to the next.
type State struct {
	Format     int         `json:"format"`
	Model      string      `json:"model"`
	ID         string      `json:"id"`
	Phase      Phase       `json:"phase"`
	Reason     Reason      `json:"reason,omitempty"`
	Cause      Cause       `json:"cause,omitempty"`
	Message    string      `json:"message,omitempty"`
	Generation uint64      `json:"generation"`
	Baseline   string      `json:"baseline"`
	Candidate  string      `json:"candidate"`
	Unverified bool        `json:"unverified,omitempty"`
	Again      bool        `json:"again,omitempty"`
	Drill      bool        `json:"drill,omitempty"`
	Salt       canary.Salt `json:"salt"`
	// Policy is frozen at start: a reload reaches the next rollout only.
	Policy     Config  `json:"policy"`
	PolicyHash string  `json:"policy_hash"`
	Binding    Binding `json:"binding"`
	Step       int     `json:"step"`
	// StepBegan is when the step began, for its deadline; Overdue: its end was
	// acted on.
	StepBegan time.Time `json:"step_began,omitzero"`
	Overdue   bool      `json:"overdue,omitempty"`
	// Window is how many windows of the step were shown in a row.
	Window int `json:"window,omitempty"`
	// Colour is how far a blue-green step has come; nil in others.
	Colour *Colour `json:"colour,omitempty"`
	// Weight is the candidate's share that traffic has now.
	Weight canary.Weight `json:"weight"`
	// Mirror is the share of the live requests that the candidate gets a copy of
	// now; MirrorByKey draws it by the user's key.
	Mirror      canary.Weight `json:"mirror,omitempty"`
	MirrorByKey bool          `json:"mirror_by_key,omitempty"`
	// Held is how long the step's arms were served; written every 30 s.
	Held time.Duration `json:"held"`
	// Served is the clock of the strata: time with a candidate in traffic.
	Served time.Duration `json:"served"`
	// WarmUntil is the Served time before which nothing is evidence.
	WarmUntil time.Duration `json:"warm_until"`
	// Evidence is how many strata the evidence log has to hold at least.
	Evidence uint64 `json:"evidence"`
	// Begun is how many strata had closed when the step's own evidence began last.
	Begun uint64 `json:"begun,omitempty"`
	// Reloaded: the reload hook was taken by every upstream of the baseline.
	Reloaded bool `json:"reloaded,omitempty"`
	// Resume is where a paused rollout goes on; nil unless Paused.
	Resume *ResumePoint `json:"resume,omitempty"`
	// Broken is the broken measurement that a pause was about.
	Broken string `json:"measurement_broken,omitempty"`
	// Order is the rollback under way or done; nil without one.
	Order *Order `json:"order,omitempty"`
	// Waiting is the rollback that an alert asked for, until users can go back to
	// the baseline; nil without one.
	Waiting *Order `json:"waiting,omitempty"`
	// Alerts are the decisions about alerts, the newest last.
	Alerts []AlertDecision `json:"alerts,omitempty"`
	// Approvals are those of any version of the model; a new rollout keeps them.
	Approvals []Approval `json:"approvals,omitempty"`
	// Colours say which upstreams have which role since the arms swapped; nil: as
	// the policy names them. A new rollout keeps them.
	Colours *Colours `json:"colours,omitempty"`
	// Owed is what the registry has not been told yet.
	Owed       Owed       `json:"owed"`
	StartedBy  string     `json:"started_by,omitempty"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// ResumePoint is what a pause interrupted. Reason is the pause that was there
// before a suspension came on top of it.
type ResumePoint struct {
	Phase  Phase         `json:"phase"`
	Weight canary.Weight `json:"weight"`
	Mirror canary.Weight `json:"mirror,omitempty"`
	Reason Reason        `json:"reason,omitempty"`
}

// Binding is the rollout as the registry knows it, made once before the first
// weight; a rollback never works out "the previous version" later.
type Binding struct {
	Mode           string `json:"mode"`
	Model          string `json:"model"`
	RolloutID      string `json:"rollout_id"`
	RunID          string `json:"run_id"`
	ExperimentID   string `json:"experiment_id"`
	Baseline       string `json:"baseline"`
	Candidate      string `json:"candidate"`
	BaselineStage  string `json:"baseline_stage"`
	CandidateStage string `json:"candidate_stage"`
}

// Owed is a registry change that waits for the registry.
type Owed struct {
	Pending   bool       `json:"pending"`
	Since     *time.Time `json:"since,omitempty"`
	LastError string     `json:"last_error,omitempty"`
	NextTry   *time.Time `json:"next_try,omitempty"`
}

// Order is a rollback: why, on what numbers, and how far it has come. It is
// the outbox: a nil time is a step still to do, also after a crash.
type Order struct {
	ID        string    `json:"id"`
	Cause     Cause     `json:"cause"`
	By        string    `json:"by"`
	Reason    string    `json:"reason,omitempty"`
	Forced    bool      `json:"forced,omitempty"`
	DecidedAt time.Time `json:"decided_at"`
	// Gate is the gate that failed, with the numbers it rests on (cause gate).
	Gate *judge.GateVerdict `json:"gate,omitempty"`
	// Alert is the alert that asked for it (cause alert).
	Alert *alerts.Alert `json:"alert,omitempty"`
	// Gates are all gates at that moment.
	Gates  []judge.GateVerdict `json:"gates"`
	Phase  Phase               `json:"phase"`
	Step   int                 `json:"step"`
	Weight canary.Weight       `json:"weight"`
	// RegistryFirst: the baseline's upstreams already serve the candidate's
	// version (after the bake, or restarted in it), so the way back leads
	// through the registry and the reload hook, and traffic follows.
	RegistryFirst bool       `json:"registry_first,omitempty"`
	TrafficAt     *time.Time `json:"traffic_off_at,omitempty"`
	RecordedAt    *time.Time `json:"recorded_at,omitempty"`
	RegistryAt    *time.Time `json:"registry_at,omitempty"`
	Result        string     `json:"registry_result,omitempty"`
	Found         string     `json:"registry_found,omitempty"`
	Actions       []Action   `json:"registry_actions,omitempty"`
	// Restored: the baseline's upstreams serve the baseline again (RegistryFirst).
	Restored   bool       `json:"restored,omitempty"`
	IncidentAt *time.Time `json:"incident_at,omitempty"`
	MessagesAt *time.Time `json:"messages_at,omitempty"`
}

// awaitsTraffic reports that users still get the candidate's version from the
// baseline's upstreams, whatever the weight is.
func (o Order) awaitsTraffic() bool { return o.RegistryFirst && !o.Restored }

// Action is one change made in the registry.
type Action struct {
	What string    `json:"what"`
	At   time.Time `json:"at"`
}

// Outcome is how a change of the registry ended.
type Outcome struct {
	Result  string // done | conflict | superseded
	Found   string // in words, what stands there
	Actions []Action
}

// Results of a registry change.
const (
	ResultDone       = "done"
	ResultConflict   = "conflict"   // a person changed it: left as it is
	ResultSuperseded = "superseded" // a rollback was there before the promotion
)

func (s State) step() Step {
	if s.Step < 0 || s.Step >= len(s.Policy.Plan) {
		return Step{}
	}
	return s.Policy.Plan[s.Step]
}

// serving reports whether the candidate has users or copies of their requests:
// then the clock of the strata runs.
func (s State) serving() bool { return s.Weight > 0 || s.Mirror > 0 }

// less reports that next gives the candidate no more than s does. The swap at the
// end of a bake gives its upstreams everything.
func (s State) less(next State) bool {
	swapped := next.Phase == Promoted && s.Phase != Promoted && !s.Colours.same(next.Colours)
	return next.Weight <= s.Weight && next.Mirror <= s.Mirror && !swapped
}

func stamp(t time.Time) *time.Time { t = t.UTC(); return &t }
