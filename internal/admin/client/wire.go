package client

import (
	"io"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// What travels, under names that callers may use without knowing the packages
// behind them.

type (
	// View is one rollout as the server shows it.
	View = rollout.View
	// StepView is the stretch of the plan it is in.
	StepView = rollout.StepView
	// ServingView is what one upstream serves, and should.
	ServingView = rollout.ServingView
	// ColoursView is which upstreams have which role since the arms swapped.
	ColoursView = rollout.ColoursView
	// RegistryView is what the registry has not been told yet.
	RegistryView = rollout.RegistryView
	// Phase is where a rollout stands.
	Phase = rollout.Phase
	// GateVerdict is one gate with the numbers it rests on.
	GateVerdict = judge.GateVerdict
	// Command is one order.
	Command = rollout.Command
	// Kind names an order.
	Kind = rollout.Kind
	// Refusal is the error of what was not carried out.
	Refusal = rollout.Refusal
	// Code sorts refusals by what can be done about them.
	Code = rollout.Code
	// Registration asks for a new version.
	Registration = admin.Registration
	// Version is a registered version.
	Version = admin.Version
	// Move asks for a version to get a stage.
	Move = admin.Move
	// Transition is what a Move did.
	Transition = admin.Transition
	// Outcome is what became known of a request.
	Outcome = admin.Outcome
	// OutcomeReport says what was done with a batch of them.
	OutcomeReport = admin.OutcomeReport
	// ModelOutcomes is how they are joined for one model.
	ModelOutcomes = admin.ModelOutcomes
	// Finding is one sentence of the doctor.
	Finding = admin.Finding
	// Level sorts findings.
	Level = admin.Level
	// Entry is one record of the journal.
	Entry = admin.Entry
	// Verification is the outcome of a walk over the record.
	Verification = admin.Verification
)

// The orders.
const (
	Start    = rollout.Start
	Pause    = rollout.Pause
	Resume   = rollout.Resume
	Advance  = rollout.Advance
	Promote  = rollout.Promote
	Rollback = rollout.Rollback
)

// The codes of refusals that callers tell apart.
const (
	Refused         = rollout.Refused
	Conflict        = rollout.Conflict
	Invalid         = rollout.Invalid
	Unreachable     = rollout.Unreachable
	UnknownModel    = rollout.UnknownModel
	UnknownVersion  = rollout.UnknownVersion
	UnknownStage    = admin.UnknownStage
	NotPermitted    = rollout.NotPermitted
	Unauthenticated = admin.CodeUnauthenticated
)

// The levels of findings.
const (
	LevelOK    = admin.LevelOK
	LevelWarn  = admin.LevelWarn
	LevelError = admin.LevelError
)

// DefaultURL is where a server listens unless told otherwise.
const DefaultURL = "http://" + admin.DefaultListen

// RungsNotAsked is what a transition says while there is no promotion ladder.
const RungsNotAsked = admin.RungsNotAsked

// Roles lists the built-in roles of tokens.
func Roles() []string { return admin.Roles() }

// NewToken draws a token and the SHA-256 that the policy keeps of it.
func NewToken(random io.Reader) (token, digest string, err error) { return admin.NewToken(random) }

// CheckToken refuses a name or a role that no policy would take, and lists the
// roles that a policy has to declare.
func CheckToken(name string, roles []string) (custom []string, err error) {
	return admin.CheckToken(name, roles)
}
