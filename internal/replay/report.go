package replay

import (
	"time"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// Report is what a policy would have done on one recorded rollout, beside what
// was done.
type Report struct {
	Model      string     `json:"model"`
	Rollout    string     `json:"rollout"`
	Baseline   string     `json:"baseline"`
	Candidate  string     `json:"candidate"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
	// SamePolicy: the policy is the one that the rollout was recorded under.
	SamePolicy bool `json:"same_policy"`
	// Recorded is how the rollout ended, or where it stood when it was read.
	Recorded Ending `json:"recorded"`
	// Identical: the same decisions at the same strata and, where the policy is the
	// same, on the same evidence to the last bit.
	Identical bool   `json:"identical"`
	Strata    uint64 `json:"strata"` // replayed
	Rows      []Row  `json:"rows"`
	// OtherWeightFrom is the stratum after which the record is of another weight
	// than the policy would have had; 0 = nowhere.
	OtherWeightFrom uint64 `json:"other_weight_from,omitempty"`
	// Gates is where the policy's evidence stood at the end of the replay.
	Gates []judge.GateVerdict `json:"gates"`
	// NotRecorded are the gates whose KPI was not measured: inconclusive.
	NotRecorded []string `json:"not_recorded,omitempty"`
	Notes       []string `json:"notes,omitempty"`
}

// Ending is what became of a recorded rollout.
type Ending struct {
	Phase rollout.Phase `json:"phase"`
	Cause rollout.Cause `json:"cause,omitempty"`
}

// Row is one stretch of the record: a step, or a pause that a gate caused.
type Row struct {
	Step   int     `json:"step"` // of the record, from 0
	Kind   string  `json:"kind"`
	Weight float64 `json:"weight"` // as recorded, 0 to 1
	HoldS  float64 `json:"hold_s"` // as the policy has it
	// Recorded and Replayed are how the stretch ended; nil = it did not.
	Recorded *Decision `json:"recorded"`
	Replayed *Decision `json:"replayed"`
	Same     bool      `json:"same"`
	// OtherWeight: the policy would have had another weight here.
	OtherWeight bool `json:"other_weight,omitempty"`
	// Difference says in words what is not the same; "" when all is.
	Difference string `json:"difference,omitempty"`
}

// What was decided.
const (
	Advanced   = "advanced"
	Baked      = "baked"
	RolledBack = "rolling_back"
	PausedBy   = "paused"
	Suspended  = "suspended"
	Promoting  = "promote"
)

// Decision is one decision with what it rests on.
type Decision struct {
	What string `json:"what"`
	// By is what decided: pass, gate, or what came from outside and is replayed as
	// recorded: operator, breaker, alert, deadline.
	By string `json:"by"`
	// Gate is the one that failed.
	Gate    string              `json:"gate,omitempty"`
	Reason  string              `json:"reason,omitempty"`
	Strata  uint64              `json:"strata"`
	ServedS float64             `json:"served_s"`
	HeldS   float64             `json:"held_s"`
	At      time.Time           `json:"at"`
	Gates   []judge.GateVerdict `json:"gates,omitempty"`

	served time.Duration
	// outside: not the judge's.
	outside bool
	// pause is the reason of a pause; "" for what is none.
	pause rollout.Reason
}
