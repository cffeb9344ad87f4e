package rollout

import "fmt"

// Kind names what an operator asks for.
type Kind string

// The commands. Rollback and Pause are taken in every phase they mean
// something in and ignore IfMatch: the safe direction is never held up.
const (
	Start    Kind = "start"
	Pause    Kind = "pause"
	Resume   Kind = "resume"
	Advance  Kind = "advance"
	Promote  Kind = "promote"
	Rollback Kind = "rollback"
)

// Command is one order of a person or of a program with a person's token.
type Command struct {
	Kind Kind `json:"kind"`
	// Version is the candidate (start).
	Version string `json:"version,omitempty"`
	// Baseline names the version users are on where the registry has no single
	// Production version (start).
	Baseline string `json:"baseline,omitempty"`
	// Reason is kept in the record as written.
	Reason string `json:"reason,omitempty"`
	// By is the name of the token that signed in, "local" without tokens.
	By string `json:"by,omitempty"`
	// Force obeys a rollback onto a baseline that is not healthy.
	Force bool `json:"force,omitempty"`
	// Again takes a version on trial that was rolled back before (start).
	Again bool `json:"again,omitempty"`
	// Unverified starts although an arm's version cannot be read (start).
	Unverified bool `json:"unverified,omitempty"`
	// Drill makes the rollout a practice: what takes it back has the cause drill (start).
	Drill bool `json:"drill,omitempty"`
	// IfMatch is the generation the caller has seen; nil means any.
	IfMatch *uint64 `json:"-"`
}

// Code sorts refusals by what the caller can do about them; the command line's
// exit codes and the API's statuses follow from it.
type Code string

// The codes, with the exit code of the command line behind each.
const (
	Refused        Code = "refused"         // 3: the phase or a safety rule forbids it
	Conflict       Code = "conflict"        // 3: somebody else was faster (If-Match, registry)
	Invalid        Code = "invalid"         // 1: the request itself is wrong
	Unreachable    Code = "unreachable"     // 4: the registry cannot be reached
	UnknownModel   Code = "unknown_model"   // 5
	UnknownVersion Code = "unknown_version" // 5
	NotPermitted   Code = "not_permitted"   // 7: the registry does not allow it
)

// Refusal is the error of a command that was not carried out: nothing changed.
type Refusal struct {
	Code    Code
	Message string
	// Hint says what to do next; may be empty.
	Hint string
}

func (r *Refusal) Error() string { return r.Message }

func refuse(code Code, hint, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}
