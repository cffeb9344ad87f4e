package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/registry"
	"github.com/headgate/headgate/internal/rollout"
)

// LockedError says which process holds a journal's directory.
type LockedError = journal.LockedError

// mlflowAt is an MLflow server spoken to once; what is left out comes from
// MLflow's own environment and credentials file.
func mlflowAt(trackingURI string) (*registry.MLflow, error) {
	c := registry.Config{MLflow: &registry.MLflowConfig{TrackingURI: trackingURI}}
	c.SetDefaults()
	var problem error
	c.Validate(func(path string, _ any, wanted string) {
		path = strings.TrimPrefix(path, "mlflow.")
		problem = errors.Join(problem, &rollout.Refusal{Code: rollout.Invalid, Message: fmt.Sprintf("%s has to be %s", path, wanted)})
	})
	if problem != nil {
		return nil, problem
	}
	m, err := registry.NewMLflow(*c.MLflow, registry.Options{})
	return m, stageRefusal(err)
}

// TransitionStage moves one version in an MLflow registry, without a server.
func TransitionStage(ctx context.Context, trackingURI string, m admin.Move) (admin.Transition, error) {
	if _, err := registry.ParseStage(m.Stage); err != nil {
		return admin.Transition{}, stageRefusal(err) // before any call
	}
	reg, err := mlflowAt(trackingURI)
	if err != nil {
		return admin.Transition{}, err
	}
	t, err := reg.TransitionStage(ctx, m.Model, m.Version, m.Stage)
	if err != nil {
		return admin.Transition{}, stageRefusal(err)
	}
	return admin.Transition{Model: m.Model, Version: m.Version, From: t.From, To: t.To, Rungs: admin.RungsNotAsked}, nil
}

// Register makes a version in an MLflow registry, without a server.
func Register(ctx context.Context, trackingURI string, r admin.Registration) (admin.Version, error) {
	reg, err := mlflowAt(trackingURI)
	if err != nil {
		return admin.Version{}, err
	}
	v, err := reg.Register(ctx, r.Name, r.Source, r.RunID)
	if err != nil {
		return admin.Version{}, stageRefusal(err)
	}
	return admin.Version{Model: v.Model, Version: v.Version, Stage: v.Stage, Source: v.Source, RunID: v.RunID}, nil
}

// Doctor looks at a policy's registry and journal, without a server.
func Doctor(ctx context.Context, p *configs.Policy) ([]admin.Finding, error) {
	if p.Registry.MLflow == nil {
		local := admin.Finding{Level: admin.LevelOK, What: "the registry is the local one, in the journal"}
		return []admin.Finding{local, journalFinding(p.State.Dir)}, nil
	}
	reg, err := registry.NewMLflow(*p.Registry.MLflow, registry.Options{})
	if err != nil {
		return nil, stageRefusal(err)
	}
	findings := diagnose(ctx, reg, slices.Sorted(maps.Keys(p.Models)))
	return append(findings, journalFinding(p.State.Dir)), nil
}

// DoctorAt looks at an MLflow registry and the models named, without a policy.
func DoctorAt(ctx context.Context, trackingURI string, models []string) ([]admin.Finding, error) {
	reg, err := mlflowAt(trackingURI)
	if err != nil {
		return nil, err
	}
	return diagnose(ctx, reg, models), nil
}

func diagnose(ctx context.Context, reg *registry.MLflow, models []string) []admin.Finding {
	var findings []admin.Finding
	for _, f := range reg.Diagnose(ctx, models) {
		findings = append(findings, admin.Finding{Level: admin.Level(f.Level), What: f.What, Hint: f.Hint})
	}
	return findings
}

func journalFinding(dir string) admin.Finding {
	r, err := journal.VerifyDir(dir)
	var locked *journal.LockedError
	switch {
	case errors.As(err, &locked):
		return admin.Finding{Level: admin.LevelOK, What: locked.Error(), Hint: "headgate audit verify asks that process"}
	case err != nil:
		return admin.Finding{Level: admin.LevelWarn, What: err.Error(), Hint: "it is made at the first start"}
	case !r.Intact():
		return admin.Finding{Level: admin.LevelError, What: "the journal in " + dir + " is damaged: " + strings.Join(verification(r).Problems, "; "), Hint: "headgate audit verify --dir " + dir + " says all"}
	}
	return admin.Finding{Level: admin.LevelOK, What: fmt.Sprintf("the journal in %s is intact: %d records", dir, r.Count)}
}

// VerifyJournal walks the record in a directory that no process has open; a
// *LockedError says that one has.
func VerifyJournal(_ context.Context, dir string) (admin.Verification, error) {
	r, err := journal.VerifyDir(dir)
	if err != nil {
		return admin.Verification{}, err
	}
	return verification(r), nil
}

// ExportJournal walks the record in a directory that no process has open.
func ExportJournal(ctx context.Context, dir string, from uint64, each func(admin.Entry) error) error {
	// First a look that makes nothing where there is nothing.
	if _, err := journal.VerifyDir(dir); err != nil {
		return err
	}
	j, err := journal.Open(journal.Config{Dir: dir, LockWait: time.Millisecond}, hclog.NewNullLogger())
	if err != nil {
		return err
	}
	err = j.Records(ctx, from, func(e journal.Entry) error { return each(admin.Entry(e)) })
	return errors.Join(err, j.Close())
}

// verification is a journal's report for the admin API: notes that harm nothing
// are among the problems of an intact record too.
func verification(r journal.Report) admin.Verification {
	v := admin.Verification{Intact: r.Intact(), Count: r.Count, Head: r.Head}
	for _, f := range r.Findings {
		v.Problems = append(v.Problems, f.String())
	}
	return v
}

// isProduction understands a stage as the registry does.
func isProduction(stage string) bool {
	s, err := registry.ParseStage(stage)
	return err == nil && s == registry.StageProduction
}

// stageRefusal is refusal for what people do to a registry by hand: nothing is
// tried again there, so every kind of trouble gets a code.
func stageRefusal(err error) error {
	var e *registry.Error
	if !errors.As(err, &e) {
		return err
	}
	var code rollout.Code
	switch e.Kind {
	case registry.UnknownStage:
		code = admin.UnknownStage
	case registry.RateLimited, registry.Server:
		code = rollout.Unreachable
	case registry.ArtifactsOnly, registry.Unsupported, registry.Gone:
		code = rollout.Invalid
	case registry.Unreachable, registry.Unauthenticated, registry.Denied, registry.HostRefused, registry.UnknownModel,
		registry.UnknownVersion, registry.Conflict, registry.Refused, registry.Invalid:
		return refusal(err)
	default:
		return err
	}
	return &rollout.Refusal{Code: code, Message: e.Error(), Hint: e.Hint}
}
