package rollout

import (
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
)

// View is a rollout as the API and `status --json` show it: an immutable copy.
// Weights and rates are 0…1, times seconds, versions strings.
type View struct {
	Model      string        `json:"model"`
	ID         string        `json:"id"`
	Phase      Phase         `json:"phase"`
	Reason     Reason        `json:"reason,omitempty"`
	Cause      Cause         `json:"cause,omitempty"`
	Message    string        `json:"message,omitempty"`
	Generation uint64        `json:"generation"`
	Weight     canary.Weight `json:"weight"`
	// Shadow is the share of the live requests that the candidate gets a copy of.
	Shadow    canary.Weight       `json:"shadow"`
	Step      *StepView           `json:"step"`
	Baseline  VersionView         `json:"baseline"`
	Candidate VersionView         `json:"candidate"`
	Verdict   judge.Verdict       `json:"verdict,omitempty"`
	Gates     []judge.GateVerdict `json:"gates"`
	Registry  RegistryView        `json:"registry"`
	Serving   []ServingView       `json:"serving"`
	// Policy is "pending" while a changed policy waits for the next rollout.
	Policy     string        `json:"policy"`
	PolicyHash string        `json:"policy_hash,omitempty"`
	Rollback   *RollbackView `json:"rollback,omitempty"`
	// Approvals are all of the model, the oldest first.
	Approvals []Approval `json:"approvals,omitempty"`
	// Colours is which upstreams have which role since the arms swapped; nil: as
	// the policy names them, and never otherwise.
	Colours    *ColoursView `json:"colours,omitempty"`
	StartedBy  string       `json:"started_by,omitempty"`
	StartedAt  *time.Time   `json:"started_at,omitempty"`
	FinishedAt *time.Time   `json:"finished_at,omitempty"`
}

// ColoursView names the roles of a model's upstreams.
type ColoursView struct {
	Colours
	// Exchanged: the policy names them the other way round, which changes nothing.
	Exchanged bool `json:"exchanged"`
}

// StepView is the stretch of the plan the rollout is in.
type StepView struct {
	Index  int           `json:"index"` // from 0
	Of     int           `json:"of"`
	Kind   string        `json:"kind"` // shadow | approve | canary | bluegreen | promote | bake
	Weight canary.Weight `json:"weight"`
	HoldS  float64       `json:"hold_s"`
	HeldS  float64       `json:"held_s"`
	// Windows of a long hold, and how many were shown in a row; 0 without any.
	Windows int `json:"windows,omitempty"`
	Shown   int `json:"windows_shown,omitempty"`
	// Deadline is when on_deadline acts; nil without one.
	Deadline *time.Time `json:"deadline,omitempty"`
	// Role is who has to approve (kind approve).
	Role string `json:"role,omitempty"`
	// Colour is how far a blue-green step has come; nil in others.
	Colour *Colour `json:"colour,omitempty"`
}

// stepView is the present step of a rollout.
func stepView(s State) *StepView {
	if s.Phase == None || len(s.Policy.Plan) == 0 {
		return nil
	}
	step := s.step()
	v := &StepView{Index: s.Step, Of: len(s.Policy.Plan), Kind: step.Kind(), Weight: s.Policy.WeightAt(s.Step), HoldS: step.Hold().Seconds(), HeldS: s.Held.Seconds(), Colour: s.Colour}
	if step.Shadow != nil && step.Shadow.Every > 0 {
		v.Windows, v.Shown = step.Shadow.Windows(), s.Window
	}
	if step.Deadline > 0 && !s.StepBegan.IsZero() {
		v.Deadline = stamp(s.StepBegan.Add(step.Deadline))
	}
	if step.Approve != nil {
		v.Role = step.Approve.Role
	}
	return v
}

// VersionView is one arm's version as the registry names it; "" = none.
type VersionView struct {
	Version string `json:"version"`
}

// RegistryView says what of a decision the registry has not been told yet.
type RegistryView struct {
	Mode      string     `json:"mode"` // stages | aliases | local
	Pending   bool       `json:"pending"`
	Since     *time.Time `json:"since,omitempty"`
	LastError string     `json:"last_error,omitempty"`
	NextTry   *time.Time `json:"next_try,omitempty"`
	RunID     string     `json:"run_id,omitempty"`
}

// ServingView holds one upstream against the registry: what it says it serves
// and what it should serve.
type ServingView struct {
	Arm      canary.Arm `json:"arm"`
	URL      string     `json:"url"`
	Up       bool       `json:"up"`
	Version  string     `json:"version"`
	Expected string     `json:"expected,omitempty"`
	OK       bool       `json:"ok"`
	Error    string     `json:"error,omitempty"`
}

// RollbackView is how far a rollback has come; nil times are still to do.
type RollbackView struct {
	By         string     `json:"by"`
	Reason     string     `json:"reason,omitempty"`
	DecidedAt  time.Time  `json:"decided_at"`
	TrafficAt  *time.Time `json:"traffic_off_at,omitempty"`
	RecordedAt *time.Time `json:"recorded_at,omitempty"`
	RegistryAt *time.Time `json:"registry_at,omitempty"`
	Result     string     `json:"registry_result,omitempty"` // done | conflict | …
	IncidentAt *time.Time `json:"incident_at,omitempty"`
}
