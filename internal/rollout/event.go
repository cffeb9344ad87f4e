package rollout

import (
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/judge"
)

// Event is something that happened; the set is closed.
type Event interface{ event() }

// Commanded is an operator's order, with what the controller looked up for it.
type Commanded struct {
	Command
	Health Health
	// Gates are the present verdicts, kept as evidence of a rollback by hand.
	Gates []judge.GateVerdict
	// New is what a start needs beside the command; nil for others.
	New *NewRollout
	// Orphan is a rollout that only the registry still knows: the journal that
	// held it is lost. Nil when there is none.
	Orphan *Binding
}

// NewRollout is what start freezes.
type NewRollout struct {
	ID         string
	Baseline   string
	Salt       canary.Salt
	Policy     Config
	PolicyHash string
	Mode       string
}

// Began says that the registry knows the rollout.
type Began struct{ Binding Binding }

// BeginRefused says that the registry refused the rollout for good; nothing started.
type BeginRefused struct{ Why string }

// RegistryFailed says that a change of the registry has to be tried again.
type RegistryFailed struct {
	Error   string
	NextTry time.Time
}

// PromotionEnded carries the registry's answer to a promotion.
type PromotionEnded struct{ Outcome Outcome }

// ReloadEnded says that the reload hook was called on the baseline's upstreams;
// Error is empty when all of them took it.
type ReloadEnded struct{ Error string }

// Tick is the passing of time, with what was seen in it.
type Tick struct {
	Elapsed   time.Duration // monotonic, since the last tick
	Health    Health
	Judgement judge.Judgement
}

// Progress is a step of the rollback executor; nil fields are not news.
type Progress struct {
	Outcome    *Outcome
	RegistryAt *time.Time
	// Restored: the baseline's upstreams serve the baseline again
	// (RegistryFirst), so traffic can follow.
	Restored   bool
	IncidentAt *time.Time
	// Finished: the registry is right and the incident is kept.
	Finished bool
	// MessagesAt: everyone who wanted to be told has been.
	MessagesAt *time.Time
}

// Finished says that the registry holds no mark of an unfinished rollout.
type Finished struct{}

// Restarted says that the process began and found this state in its journal.
type Restarted struct {
	// EvidenceLost says why the stored evidence cannot be trusted; "" = it can.
	EvidenceLost string
}

func (Commanded) event()      {}
func (Began) event()          {}
func (BeginRefused) event()   {}
func (RegistryFailed) event() {}
func (PromotionEnded) event() {}
func (ReloadEnded) event()    {}
func (Tick) event()           {}
func (Progress) event()       {}
func (Finished) event()       {}
func (Restarted) event()      {}

// Effect is something the controller has to do after a decision; the set is
// closed. Changes of the weight are not effects: the controller sees them in
// the state and applies them before writing when they are safe, after it when
// they are not.
type Effect interface{ effect() }

// Record is a line of the journal, written together with the state.
type Record struct {
	Kind string `json:"kind"`
	Data any    `json:"data,omitempty"`
}

// BeginInRegistry makes the rollout known to the registry.
type BeginInRegistry struct{}

// PromoteInRegistry makes the candidate the registry's Production version.
type PromoteInRegistry struct{}

// ReloadBaseline calls the reload hook on the baseline's upstreams.
type ReloadBaseline struct{}

// ExecuteRollback hands State.Order to the rollback executor.
type ExecuteRollback struct{}

// FinishInRegistry clears the marks of an unfinished rollout.
type FinishInRegistry struct{ Status string }

// BeginStep starts the step's own evidence toward passing.
type BeginStep struct{ Step int }

// RaiseIncident tells people about something that was not a rollback.
type RaiseIncident struct {
	Kind    Reason
	Message string
	// Alert is what it is about (kind alert); nil otherwise.
	Alert *alerts.Alert
}

func (Record) effect()            {}
func (BeginInRegistry) effect()   {}
func (PromoteInRegistry) effect() {}
func (ReloadBaseline) effect()    {}
func (ExecuteRollback) effect()   {}
func (FinishInRegistry) effect()  {}
func (BeginStep) effect()         {}
func (RaiseIncident) effect()     {}
