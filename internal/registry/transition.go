package registry

import (
	"context"
	"slices"
)

const opTransition = "transition stage"

// TransitionStage moves exactly this version: nothing is made, deleted or
// archived beside it. The stage is taken in any case and comes out canonical.
// Production is refused while a rollout of the model is unfinished
// (ErrRolloutRunning). Where aliases stand for stages, Production and Staging
// move the aliases and Archived sets the tag.
func (m *MLflow) TransitionStage(ctx context.Context, model, version, stage string) (Transition, error) {
	to, err := ParseStage(stage)
	if err != nil {
		return Transition{}, err
	}
	vs, err := m.versions(ctx, opTransition, model)
	if err != nil {
		return Transition{}, err
	}
	v, err := movable(vs, model, version, to)
	if err != nil || v.Stage == to {
		return Transition{From: v.Stage, To: to}, err
	}
	t := Transition{From: v.Stage, To: to}
	for n := 0; ; n++ {
		err = m.place(ctx, v, to)
		if err == nil || permanent(err) || n+1 == attempts {
			return t, noStages(err)
		}
		// The answer is lost or an error: what stands there tells whether it was done.
		if pause(ctx, m.backoff<<n) != nil {
			return t, err
		}
		if v, err = m.Version(ctx, model, version); err != nil || v.Stage == to {
			return t, err
		}
	}
}

// movable finds the version, unless a running rollout forbids the move.
func movable(vs []Version, model, version, to string) (Version, error) {
	v, ok := find(vs, version)
	if !ok {
		return v, unknownVersion(opTransition, model, version, vs)
	}
	if id := unfinished(vs); id != "" && to == StageProduction {
		return v, running(model, id)
	}
	return v, nil
}

// place does the move.
func (m *MLflow) place(ctx context.Context, v Version, to string) error {
	if m.mode != ModeAliases {
		return m.moveStage(ctx, opTransition, v.Model, v.Version, to, false)
	}
	alias := map[string]string{StageProduction: m.alias.Baseline, StageStaging: m.alias.Candidate}[to]
	if alias != "" {
		if err := m.setAlias(ctx, opTransition, v.Model, alias, v.Version); err != nil {
			return err
		}
	}
	for _, other := range []string{m.alias.Baseline, m.alias.Candidate} {
		if other == alias || !slices.Contains(v.Aliases, other) {
			continue
		}
		if err := m.dropAlias(ctx, opTransition, v.Model, other); err != nil {
			return err
		}
	}
	switch tagged := v.Tags[tagStatus] == statusArchived; {
	case to == StageArchived && !tagged:
		return m.setTag(ctx, opTransition, v.Model, v.Version, tagStatus, statusArchived)
	case to != StageArchived && tagged:
		return m.dropTag(ctx, opTransition, v.Model, v.Version, tagStatus)
	}
	return nil
}

const hintAliases = "this server has no stages: set registry.mlflow.mode to aliases"

// noStages explains a server that lacks the call.
func noStages(err error) error {
	if e, ok := asError(err); ok && e.Kind == Unsupported {
		e.Hint = hintAliases
	}
	return err
}
