package registry

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Versions reads all versions of a model with their aliases, oldest first.
func (m *MLflow) Versions(ctx context.Context, model string) ([]Version, error) {
	return m.versions(ctx, "read the versions", model)
}

// Version reads one version.
func (m *MLflow) Version(ctx context.Context, model, version string) (Version, error) {
	const op = "read the version"
	vs, err := m.versions(ctx, op, model)
	if err != nil {
		return Version{}, err
	}
	if v, ok := find(vs, version); ok {
		return v, nil
	}
	return Version{}, unknownVersion(op, model, version, vs)
}

// Production is the one version that users are on: ErrNoBaseline or
// ErrManyBaselines when it is not exactly one.
func (m *MLflow) Production(ctx context.Context, model string) (Version, error) {
	vs, err := m.versions(ctx, "find the baseline", model)
	if err != nil {
		return Version{}, err
	}
	return single(model, vs)
}

// Unfinished is the id of a rollout that the versions say is running, "" when
// there is none.
func (m *MLflow) Unfinished(ctx context.Context, model string) (string, error) {
	vs, err := m.versions(ctx, "look for an unfinished rollout", model)
	if err != nil {
		return "", err
	}
	return unfinished(vs), nil
}

// unfinished is the rollout whose mark a version carries.
func unfinished(vs []Version) string {
	for _, v := range vs {
		if id := v.Tags[tagRollout]; marks(id) {
			return id
		}
	}
	return ""
}

// marks: the tag is emptied where the user may set tags and not delete them.
func marks(id string) bool { return id != "" && id != tagCleared }

// Observe does nothing: MLflow knows its versions itself.
func (m *MLflow) Observe(context.Context, string, string) error { return nil }

// versions reads the model (aliases are only there, and an unknown model is
// told only there) and then all its versions, as the stage cannot be searched.
func (m *MLflow) versions(ctx context.Context, op, model string) ([]Version, error) {
	known, err := m.model(ctx, op, model)
	if err != nil {
		return nil, err
	}
	filter, err := nameFilter(op, model)
	if err != nil {
		return nil, err
	}
	var out []Version
	q := url.Values{"filter": {filter}, "max_results": {strconv.Itoa(m.page)}}
	for {
		var page struct {
			Versions []wireVersion `json:"model_versions"`
			Next     string        `json:"next_page_token"`
		}
		if err := m.do(ctx, call{op: op, method: http.MethodGet, path: "model-versions/search", query: q, out: &page}); err != nil {
			return nil, err
		}
		for _, w := range page.Versions {
			out = append(out, m.interpret(w.version(), known.Aliases))
		}
		if page.Next == "" {
			break
		}
		q.Set("page_token", page.Next)
	}
	sortVersions(out)
	return out, nil
}

// interpret puts the aliases on a version, and in mode aliases the stage that
// they stand for.
func (m *MLflow) interpret(v Version, aliases []wireAlias) Version {
	for _, a := range aliases {
		if string(a.Version) == v.Version {
			v.Aliases = append(v.Aliases, a.Alias)
		}
	}
	slices.Sort(v.Aliases)
	if m.mode != ModeAliases {
		return v
	}
	switch {
	case slices.Contains(v.Aliases, m.alias.Baseline):
		v.Stage = StageProduction
	case v.Tags[tagStatus] == statusArchived:
		v.Stage = StageArchived
	case slices.Contains(v.Aliases, m.alias.Candidate):
		v.Stage = StageStaging
	default:
		v.Stage = StageNone
	}
	return v
}

func (m *MLflow) model(ctx context.Context, op, model string) (wireModel, error) {
	var out struct {
		Model wireModel `json:"registered_model"`
	}
	err := m.do(ctx, call{op: op, method: http.MethodGet, path: "registered-models/get", query: url.Values{"name": {model}}, out: &out})
	if kindOf(err) == Gone {
		return wireModel{}, unknownModel(op, model)
	}
	return out.Model, err
}

// nameFilter quotes a model's name for the search, which has no escapes.
func nameFilter(op, model string) (string, error) {
	switch {
	case model == "":
		return "", invalid(op, "", "the model's name is empty")
	case !strings.Contains(model, "'"):
		return "name='" + model + "'", nil
	case !strings.Contains(model, `"`):
		return `name="` + model + `"`, nil
	}
	return "", invalid(op, "", "MLflow cannot search for a name with both kinds of quotes: %s", quote(model))
}
