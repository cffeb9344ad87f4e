package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/go-hclog"

	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/registry"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/rollback"
)

// maxTag is what every registry takes in a version's tag.
const maxTag = 4000

// backend is what the MLflow client and the local registry both do.
type backend interface {
	Mode() string
	Version(ctx context.Context, model, version string) (registry.Version, error)
	Production(ctx context.Context, model string) (registry.Version, error)
	Unfinished(ctx context.Context, model string) (string, error)
	Recover(ctx context.Context, model string) (registry.Binding, bool, error)
	Begin(ctx context.Context, r registry.BeginRequest) (registry.Binding, error)
	Promote(ctx context.Context, b registry.Binding) (registry.Outcome, error)
	Restore(ctx context.Context, b registry.Binding, by string) (registry.Outcome, error)
	Annotate(ctx context.Context, b registry.Binding, tags map[string]string, report []byte) error
	Finish(ctx context.Context, b registry.Binding, status string) error
	TransitionStage(ctx context.Context, model, version, stage string) (registry.Transition, error)
	Register(ctx context.Context, name, source, runID string) (registry.Version, error)
	Observe(ctx context.Context, model, version string) error
	Diagnose(ctx context.Context, models []string) []registry.Finding
	Scratch(ctx context.Context, model string) (baseline, candidate string, err error)
}

var (
	_ backend           = (*registry.MLflow)(nil)
	_ backend           = (*registry.Local)(nil)
	_ rollout.Registry  = book{}
	_ rollback.Registry = book{}
)

// book is the registry as rollouts and rollbacks speak of it.
type book struct {
	backend
	head func() (count uint64, hash string)
}

// openBook connects the registry of the policy; a local one keeps its versions
// in the journal.
func openBook(c registry.Config, j *journal.Journal, log hclog.Logger) (book, error) {
	b := book{head: j.Head}
	o := registry.Options{Log: log}
	if c.MLflow == nil {
		b.backend = registry.NewLocal(j, o)
		return b, nil
	}
	m, err := registry.NewMLflow(*c.MLflow, o)
	b.backend = m
	return b, err
}

// Baseline is the one Production version.
func (b book) Baseline(ctx context.Context, model string) (string, error) {
	v, err := b.Production(ctx, model)
	return v.Version, refusal(err)
}

// Candidate looks a version up.
func (b book) Candidate(ctx context.Context, model, version string) (rollout.Candidate, error) {
	v, err := b.Version(ctx, model, version)
	return rollout.Candidate{Version: v.Version, Stage: v.Stage}, refusal(err)
}

// Unfinished is the id of a rollout that the registry thinks is running.
func (b book) Unfinished(ctx context.Context, model string) (string, error) {
	id, err := b.backend.Unfinished(ctx, model)
	return id, refusal(err)
}

// Recover reads back what the registry knows of an unfinished rollout.
func (b book) Recover(ctx context.Context, model string) (rollout.Binding, bool, error) {
	out, ok, err := b.backend.Recover(ctx, model)
	return rollout.Binding(out), ok, refusal(err)
}

// Begin makes the rollout known to the registry.
func (b book) Begin(ctx context.Context, s rollout.State) (rollout.Binding, error) {
	out, err := b.backend.Begin(ctx, registry.BeginRequest{
		Model: s.Model, RolloutID: s.ID, Baseline: s.Baseline, Candidate: s.Candidate, PolicyHash: s.PolicyHash, Again: s.Again,
	})
	return rollout.Binding(out), refusal(err)
}

// Scratch makes a model of the drills' own ready.
func (b book) Scratch(ctx context.Context, model string) (baseline, candidate string, err error) {
	baseline, candidate, err = b.backend.Scratch(ctx, model)
	return baseline, candidate, refusal(err)
}

// Promote makes the candidate the Production version.
func (b book) Promote(ctx context.Context, to rollout.Binding) (rollout.Outcome, error) {
	out, err := b.backend.Promote(ctx, registry.Binding(to))
	return outcome(out), err
}

// Restore makes the baseline the Production version again.
func (b book) Restore(ctx context.Context, to rollout.Binding, by string) (rollout.Outcome, error) {
	out, err := b.backend.Restore(ctx, registry.Binding(to), by)
	return outcome(out), err
}

// Finish clears the marks of an unfinished rollout.
func (b book) Finish(ctx context.Context, to rollout.Binding, status string) error {
	return b.backend.Finish(ctx, registry.Binding(to), status)
}

// Annotate leaves the evidence of a rollback on the rollout's run, and the head
// of the journal, so that a cut record is noticed from outside.
func (b book) Annotate(ctx context.Context, to rollout.Binding, in rollback.Incident) error {
	count, hash := b.head()
	tags := map[string]string{
		"headgate.cause": string(in.Cause), "headgate.decided_by": in.DecidedBy, "headgate.reason": cut(in.Reason),
		"headgate.journal_head": fmt.Sprintf("%d:%s", count, hash),
	}
	return b.backend.Annotate(ctx, registry.Binding(to), tags, in.JSON())
}

func outcome(o registry.Outcome) rollout.Outcome {
	out := rollout.Outcome{Result: string(o.Result), Found: o.Found}
	for _, a := range o.Actions {
		out.Actions = append(out.Actions, rollout.Action(a))
	}
	return out
}

func cut(s string) string {
	if len(s) > maxTag {
		return s[:maxTag]
	}
	return s
}

// refusal turns what is a person's business into a rollout.Refusal; anything
// else is left to be tried again.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, registry.ErrNoBaseline) || errors.Is(err, registry.ErrManyBaselines) {
		return &rollout.Refusal{Code: rollout.Refused, Message: err.Error(), Hint: "--baseline N says which version users are on"}
	}
	var e *registry.Error
	if !errors.As(err, &e) {
		return err
	}
	code, ok := codes[e.Kind]
	if !ok {
		return err
	}
	return &rollout.Refusal{Code: code, Message: e.Error(), Hint: e.Hint}
}

var codes = map[registry.Kind]rollout.Code{
	registry.Unreachable:     rollout.Unreachable,
	registry.Unauthenticated: rollout.NotPermitted,
	registry.Denied:          rollout.NotPermitted,
	registry.HostRefused:     rollout.NotPermitted,
	registry.UnknownModel:    rollout.UnknownModel,
	registry.UnknownVersion:  rollout.UnknownVersion,
	registry.Conflict:        rollout.Conflict,
	registry.Invalid:         rollout.Invalid,
	registry.Refused:         rollout.Refused,
}
