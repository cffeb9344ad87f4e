package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

// Backend is what the API speaks for. Every method may be called from many
// goroutines at once. An error that carries a *rollout.Refusal (errors.As) is
// answered with the status of its code; its message and hint are shown to the
// caller as they are, so they hold no secret. Any other error is a 500 whose
// text goes to the log alone.
type Backend interface {
	Rollouts
	Registry
	Record
	Alerts
	Outcomes
	Approvals
	Drills
	Evidence
	Shadows
	// Ready is nil when users are being served; otherwise it says in a few words
	// what is missing. It never blocks.
	Ready() error
}

// Rollouts is the running half: what is on trial, and orders about it.
type Rollouts interface {
	// Views lists one view for every model of the policy, in the order of their
	// names; a model without a rollout has phase none. It never blocks.
	Views() []rollout.View
	// View is one model's view; a Refusal with UnknownModel when the policy does
	// not name it. It never blocks.
	View(model string) (rollout.View, error)
	// Command carries out one order and returns the view after it. By is set,
	// IfMatch only when the caller sent it and the kind honours it.
	Command(ctx context.Context, model string, c rollout.Command) (rollout.View, error)
}

// Registry is the part of the model registry that people reach through us.
type Registry interface {
	// Register makes a new version and waits until the registry has it.
	Register(ctx context.Context, r Registration) (Version, error)
	// TransitionStage moves exactly one version. Refusals: UnknownStage,
	// UnknownModel, UnknownVersion, Refused (a rollout runs), NotPermitted,
	// Unreachable.
	TransitionStage(ctx context.Context, m Move) (Transition, error)
	// Doctor says in words what is right and wrong with the registry, the
	// upstreams and the journal.
	Doctor(ctx context.Context) []Finding
}

// Record is the past: what was decided, and whether the record of it is whole.
type Record interface {
	// Incidents lists the newest incidents first, at most limit, each as it was
	// written.
	Incidents(ctx context.Context, limit int) ([]json.RawMessage, error)
	// JournalEntries reads the record upwards from sequence number from (1 is the
	// first), at most limit entries; fewer than limit means the end was reached.
	JournalEntries(ctx context.Context, from uint64, limit int) ([]Entry, error)
	// VerifyJournal walks the whole chain. The error is for a walk that could
	// not be made, not for a damaged record.
	VerifyJournal(ctx context.Context) (Verification, error)
}

// UnknownStage is the refusal of a stage that is none of the four; the command
// line's exit code 6.
const UnknownStage rollout.Code = "unknown_stage"

// RungsNotAsked is what a Transition says about the promotion ladder while
// there is none to ask.
const RungsNotAsked = "not asked"

// Registration asks for a new version of a model.
type Registration struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	RunID  string `json:"run_id,omitempty"`
	// By is the name of the token that signed in, never part of the body.
	By string `json:"-"`
}

// Version is a registered version; the number is a string, as MLflow gives it.
type Version struct {
	Model   string `json:"model"`
	Version string `json:"version"`
	Stage   string `json:"stage,omitempty"`
	Source  string `json:"source,omitempty"`
	RunID   string `json:"run_id,omitempty"`
}

// Move asks for one version to get a stage; any case is understood.
type Move struct {
	Model   string `json:"model"`
	Version string `json:"version"`
	Stage   string `json:"stage"`
	By      string `json:"-"`
}

// Transition says what a Move did, with canonical stage names.
type Transition struct {
	Model   string `json:"model"`
	Version string `json:"version"`
	From    string `json:"from"`
	To      string `json:"to"`
	// Rungs says which rungs of the promotion ladder were asked for.
	Rungs string `json:"rungs"`
}

// Level sorts findings.
type Level string

// The levels of a finding.
const (
	LevelOK    Level = "ok"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

// Finding is one sentence of the doctor, with what to do about it.
type Finding struct {
	Level Level  `json:"level"`
	What  string `json:"what"`
	Hint  string `json:"hint,omitempty"`
}

// Entry is one record of the journal with its place in the chain.
type Entry struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Prev string    `json:"prev"`
	Hash string    `json:"hash"`
	// Sealed is what is hashed together with the body, so that an export can be
	// verified without headgate: Hash = hex(SHA-256(Sealed + "\n" + Body)).
	Sealed json.RawMessage `json:"sealed"`
	Body   json.RawMessage `json:"body"`
}

// Verification is the outcome of a walk over the whole record.
type Verification struct {
	Intact bool `json:"intact"`
	// Count and Head are what the walk found: the number of records and the hash
	// of the last one.
	Count uint64 `json:"count"`
	Head  string `json:"head"`
	// Problems say what is changed, missing or cut off, and where.
	Problems []string `json:"problems,omitempty"`
}
