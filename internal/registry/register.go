package registry

import (
	"context"
	"net/http"
)

const opRegister = "register the version"

// Register makes a new version of a model, and the model when it is the first.
// MLflow 3 wants a source inside the artifacts of the run that it names.
func (m *MLflow) Register(ctx context.Context, name, source, runID string) (Version, error) {
	if err := checkRegister(name, source); err != nil {
		return Version{}, err
	}
	err := m.do(ctx, call{op: opRegister, method: http.MethodPost, path: "registered-models/create", body: map[string]any{"name": name}})
	if err != nil && kindOf(err) != Conflict {
		return Version{}, err
	}
	before, err := m.versions(ctx, opRegister, name)
	if err != nil {
		return Version{}, err
	}
	for n := 0; ; n++ {
		var out struct {
			Version wireVersion `json:"model_version"`
		}
		body := map[string]any{"name": name, "source": source}
		if runID != "" {
			body["run_id"] = runID
		}
		err := m.do(ctx, call{op: opRegister, method: http.MethodPost, path: "model-versions/create", once: true, body: body, out: &out})
		if err == nil {
			return m.interpret(out.Version.version(), nil), nil
		}
		if permanent(err) || n+1 == attempts || pause(ctx, m.backoff<<n) != nil {
			return Version{}, explainSource(err)
		}
		// It is unknown whether the version was made: look, before making another.
		now, readErr := m.versions(ctx, opRegister, name)
		if readErr != nil {
			return Version{}, readErr
		}
		if v, ok := newest(before, now, source, runID); ok {
			return v, nil
		}
	}
}

func checkRegister(name, source string) error {
	switch {
	case name == "":
		return invalid(opRegister, "", "the model's name is empty")
	case source == "":
		return invalid(opRegister, "--source names where the model's files lie", "the source is empty")
	}
	return nil
}

// newest is a version with this source and run that was not there before.
func newest(before, now []Version, source, runID string) (Version, bool) {
	for _, v := range now {
		if _, old := find(before, v.Version); !old && v.Source == source && v.RunID == runID {
			return v, true
		}
	}
	return Version{}, false
}

func explainSource(err error) error {
	if e, ok := asError(err); ok && e.Kind == Invalid && e.Hint == "" {
		e.Hint = "MLflow 3 takes only a source under the artifact URI of the run that --run-id names"
	}
	return err
}
