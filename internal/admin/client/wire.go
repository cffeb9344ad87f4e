package client

import (
	"io"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

// What travels, under the names that callers may use without knowing the
// packages behind them.

type (
	// View is one rollout as the server shows it.
	View         = rollout.View
	StepView     = rollout.StepView
	ServingView  = rollout.ServingView
	RegistryView = rollout.RegistryView
	Phase        = rollout.Phase
	GateVerdict  = judge.GateVerdict
	Command      = rollout.Command
	Kind         = rollout.Kind
	Refusal      = rollout.Refusal
	Code         = rollout.Code
	Registration = admin.Registration
	Version      = admin.Version
	Move         = admin.Move
	Transition   = admin.Transition
	Finding      = admin.Finding
	Level        = admin.Level
	Entry        = admin.Entry
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
