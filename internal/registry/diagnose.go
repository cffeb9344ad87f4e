package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const opDoctor = "ask MLflow"

// Diagnose says in words what is wrong with the connection and with each model,
// and what is right. It changes nothing: its probes of writing calls name things
// that do not exist.
func (m *MLflow) Diagnose(ctx context.Context, models []string) []Finding {
	probe := call{op: opDoctor, method: http.MethodGet, path: "registered-models/search", query: url.Values{"max_results": {"1"}}}
	if err := m.do(ctx, probe); err != nil {
		return []Finding{finding(err)}
	}
	out := []Finding{{Level: LevelOK, What: fmt.Sprintf("MLflow %s answers at %s, with %s", m.server(ctx), m.base, m.sign.how())}}
	out = append(out, m.diagnoseMode(ctx)...)
	out = append(out, m.diagnoseRuns(ctx)...)
	for _, model := range models {
		out = append(out, m.diagnoseModel(ctx, model)...)
	}
	return out
}

func finding(err error) Finding {
	if e, ok := asError(err); ok {
		return Finding{Level: LevelError, What: e.Message, Hint: e.Hint}
	}
	return Finding{Level: LevelError, What: err.Error()}
}

// server is the version the server tells, which hosted registries do not.
func (m *MLflow) server(ctx context.Context) string {
	var text []byte
	err := m.do(ctx, call{op: opDoctor, method: http.MethodGet, path: "/version", out: &text})
	if v := strings.TrimSpace(string(text)); err == nil && len(v) < 40 && v != "" && v[0] >= '0' && v[0] <= '9' {
		return v
	}
	return "(of unknown version)"
}

// diagnoseMode asks whether the server has the calls of the configured mode.
func (m *MLflow) diagnoseMode(ctx context.Context) []Finding {
	probe := call{op: opDoctor, method: http.MethodPost, path: "model-versions/transition-stage", body: map[string]any{
		"name": "headgate doctor", "version": "1", "stage": "none of the four", "archive_existing_versions": false,
	}}
	if m.mode == ModeAliases {
		probe = call{op: opDoctor, method: http.MethodGet, path: "registered-models/alias", query: url.Values{"name": {"headgate doctor"}, "alias": {m.alias.Baseline}}}
	}
	switch err := m.do(ctx, probe); kindOf(err) {
	case "", Gone, Invalid, UnknownModel, UnknownVersion:
		return []Finding{{Level: LevelOK, What: "the server has " + m.mode}}
	case Unsupported:
		if m.mode == ModeStages {
			return []Finding{{Level: LevelError, What: "the server has no stages: " + plain(err), Hint: hintAliases}}
		}
		return []Finding{{Level: LevelError, What: "the server has no aliases: " + plain(err), Hint: "set registry.mlflow.mode to stages"}}
	default:
		return []Finding{finding(err)}
	}
}

// diagnoseRuns asks for the call that the fences are made of.
func (m *MLflow) diagnoseRuns(ctx context.Context) []Finding {
	err := m.do(ctx, call{op: opDoctor, method: http.MethodPost, path: "runs/log-parameter", body: map[string]any{
		"run_id": strings.Repeat("0", 32), "key": "headgate.doctor", "value": "probe",
	}})
	switch kindOf(err) {
	case Gone, Invalid:
		return nil
	case Unsupported:
		return []Finding{{Level: LevelError, What: "the server cannot log a run's parameters, and no rollout runs without: " + plain(err)}}
	case "":
		return nil
	default:
		return []Finding{finding(err)}
	}
}

func (m *MLflow) diagnoseModel(ctx context.Context, model string) []Finding {
	vs, err := m.versions(ctx, opDoctor, model)
	if err != nil {
		return []Finding{finding(err)}
	}
	out := diagnoseVersions(model, vs)
	for i := len(vs) - 1; i >= 0; i-- { // the newest that has a run
		if vs[i].RunID == "" {
			continue
		}
		r, err := m.readRun(ctx, opDoctor, vs[i].RunID)
		if _, through := proxied(r.artifacts); err == nil && !through {
			out = append(out, Finding{
				Level: LevelWarn, What: "artifacts of " + quote(model) + " do not go through MLflow (" + withoutSecrets(r.artifacts) + "): reports are kept in tags of the run",
				Hint: "start MLflow with --serve-artifacts to have them as files",
			})
		}
		break
	}
	return out
}

// diagnoseVersions says what stands in the way of a rollout.
func diagnoseVersions(model string, vs []Version) []Finding {
	var out []Finding
	if v, err := single(model, vs); err != nil {
		out = append(out, finding(err))
	} else {
		out = append(out, Finding{Level: LevelOK, What: fmt.Sprintf("model %s: version %s of %d is in Production", quote(model), v.Version, len(vs))})
	}
	if id := unfinished(vs); id != "" {
		out = append(out, Finding{
			Level: LevelWarn, What: fmt.Sprintf("model %s carries the mark of the unfinished rollout %s", quote(model), id),
			Hint: fmt.Sprintf("when headgate status %s does not show it, it is orphaned: headgate rollback %s --reason %q ends it", model, model, "orphaned rollout"),
		})
	}
	return out
}
