package registry

import (
	"context"
	"net/http"
	"slices"
)

// moveStage is the one call that changes stages. It is never sent twice without
// a look in between.
func (m *MLflow) moveStage(ctx context.Context, op, model, version, stage string, archiveOthers bool) error {
	return m.do(ctx, call{op: op, method: http.MethodPost, path: "model-versions/transition-stage", once: true, body: map[string]any{
		"name": model, "version": version, "stage": stage, "archive_existing_versions": archiveOthers,
	}})
}

// setAlias moves an alias. Two first writers of one alias collide in MLflow's
// database; the loser tries once more.
func (m *MLflow) setAlias(ctx context.Context, op, model, alias, version string) error {
	c := call{op: op, method: http.MethodPost, path: "registered-models/alias", once: true, body: map[string]any{
		"name": model, "alias": alias, "version": version,
	}}
	return m.firstWriter(ctx, c)
}

func (m *MLflow) dropAlias(ctx context.Context, op, model, alias string) error {
	err := m.do(ctx, call{op: op, method: http.MethodDelete, path: "registered-models/alias", once: true, body: map[string]any{"name": model, "alias": alias}})
	if kindOf(err) == Gone {
		return nil
	}
	return err
}

func (m *MLflow) setTag(ctx context.Context, op, model, version, key, value string) error {
	return m.firstWriter(ctx, call{op: op, method: http.MethodPost, path: "model-versions/set-tag", body: map[string]any{
		"name": model, "version": version, "key": key, "value": value,
	}})
}

// firstWriter repeats a call that lost a race for the first row of an alias or
// tag: the second time there is one, and it is overwritten.
func (m *MLflow) firstWriter(ctx context.Context, c call) error {
	err := m.do(ctx, c)
	if isCode(err, "BAD_REQUEST") {
		return m.do(ctx, c)
	}
	return err
}

// tagCleared stands in for a tag that may be set and not deleted.
const tagCleared = "-"

// dropTag deletes a tag; a user who may only set tags clears it.
func (m *MLflow) dropTag(ctx context.Context, op, model, version, key string) error {
	err := m.do(ctx, call{op: op, method: http.MethodDelete, path: "model-versions/delete-tag", body: map[string]any{
		"name": model, "version": version, "key": key,
	}})
	kind := kindOf(err)
	if kind == Gone {
		return nil
	}
	if kind == Denied {
		return m.setTag(ctx, op, model, version, key, tagCleared)
	}
	return err
}

// raise makes a version the one in production, and moves the others out.
func (m *MLflow) raise(ctx context.Context, op, model, version string) error {
	if m.mode == ModeAliases {
		return m.setAlias(ctx, op, model, m.alias.Baseline, version)
	}
	return m.moveStage(ctx, op, model, version, StageProduction, true)
}

// archive takes a version out of use. It is not in production any more.
func (m *MLflow) archive(ctx context.Context, op, model, version string) error {
	if m.mode == ModeAliases {
		return m.setTag(ctx, op, model, version, tagStatus, statusArchived)
	}
	return m.moveStage(ctx, op, model, version, StageArchived, false)
}

// dropCandidateAlias: a user who may not delete aliases leaves it; nothing
// reads it as more than a name, as the version is tagged.
func (m *MLflow) dropCandidateAlias(ctx context.Context, op string, v Version) error {
	if !slices.Contains(v.Aliases, m.alias.Candidate) {
		return nil
	}
	err := m.dropAlias(ctx, op, v.Model, m.alias.Candidate)
	if kindOf(err) == Denied {
		m.log.Warn("the candidate's alias stays: deleting it needs MANAGE", "model", v.Model, "version", v.Version)
		m.aliasStays.Store(true)
		return nil
	}
	return err
}

func isCode(err error, code string) bool {
	e, ok := asError(err)
	return ok && e.code == code
}
