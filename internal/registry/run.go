package registry

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// readRun reads the rollout's run. A run that is not there, or deleted, is an
// error of kind Gone.
func (m *MLflow) readRun(ctx context.Context, op, id string) (run, error) {
	var out struct {
		Run wireRun `json:"run"`
	}
	err := m.do(ctx, call{op: op, method: http.MethodGet, path: "runs/get", query: url.Values{"run_id": {id}}, out: &out})
	if err != nil {
		return run{}, err
	}
	r := out.Run.run()
	if !r.active {
		return run{}, &Error{Kind: Gone, Op: op, Permanent: true, Message: "run " + id + " was deleted"}
	}
	return r, nil
}

// fence writes a write-once parameter. won is false when it holds another value
// already; a run that is gone is an error of kind Gone.
func (m *MLflow) fence(ctx context.Context, op, id, key, value string) (won bool, err error) {
	err = m.do(ctx, call{op: op, method: http.MethodPost, path: "runs/log-parameter", body: map[string]any{"run_id": id, "key": key, "value": value}})
	if kindOf(err) != Invalid {
		return err == nil, err
	}
	// Refused: another value stands there, or the run is deleted. Ask which.
	r, readErr := m.readRun(ctx, op, id)
	if readErr != nil {
		return false, readErr
	}
	if got, set := r.params[key]; set {
		return got == value, nil
	}
	return false, err
}

func (m *MLflow) tagRun(ctx context.Context, op, id, key, value string) error {
	return m.firstWriter(ctx, call{op: op, method: http.MethodPost, path: "runs/set-tag", body: map[string]any{"run_id": id, "key": key, "value": value}})
}

// findRun is the rollout's run in an experiment; of several, left by a crash
// between two creations, the one with the smallest id. found is "" for none.
func (m *MLflow) findRun(ctx context.Context, experiment, rollout string) (found run, err error) {
	var out struct {
		Runs []wireRun `json:"runs"`
	}
	err = m.do(ctx, call{op: opBegin, method: http.MethodPost, path: "runs/search", body: map[string]any{
		"experiment_ids": []string{experiment}, "max_results": 100,
		"filter": "tags.`" + runTagRollout + "` = '" + strings.ReplaceAll(rollout, "'", "") + "'",
	}, out: &out})
	if err != nil || len(out.Runs) == 0 {
		return run{}, err
	}
	first := slices.MinFunc(out.Runs, func(a, b wireRun) int { return cmp.Compare(a.Info.RunID, b.Info.RunID) })
	return first.run(), nil
}

// theRun finds the rollout's run, or makes it. A creation is never repeated
// blindly: after any doubt the run is looked for first.
func (m *MLflow) theRun(ctx context.Context, experiment string, name, rollout string, tags []wireTag) (run, error) {
	var last error
	for n := range attempts {
		if n > 0 {
			if err := pause(ctx, m.backoff<<n); err != nil {
				return run{}, last
			}
		}
		r, err := m.findRun(ctx, experiment, rollout)
		if err != nil || r.id != "" {
			return r, err
		}
		last = m.do(ctx, call{op: opBegin, method: http.MethodPost, path: "runs/create", once: true, body: map[string]any{
			"experiment_id": experiment, "run_name": name, "start_time": m.now().UnixMilli(), "tags": tags,
		}})
		if permanent(last) || ctx.Err() != nil {
			return run{}, last
		}
	}
	if last != nil {
		return run{}, last
	}
	return m.findRun(ctx, experiment, rollout)
}

// experiment is where the rollout's run belongs: beside the run that trained
// the candidate, else in headgate/<model>.
func (m *MLflow) experiment(ctx context.Context, model string, candidate Version) (id string, training run, err error) {
	if candidate.RunID != "" {
		training, err = m.readRun(ctx, opBegin, candidate.RunID)
		if err == nil {
			return training.experiment, training, nil
		}
		if kindOf(err) != Gone {
			return "", run{}, err
		}
	}
	id, err = m.namedExperiment(ctx, "headgate/"+model)
	return id, run{}, err
}

func (m *MLflow) namedExperiment(ctx context.Context, name string) (string, error) {
	var got struct {
		Experiment struct {
			ID        string `json:"experiment_id"`
			Lifecycle string `json:"lifecycle_stage"`
		} `json:"experiment"`
	}
	for range 2 { // the second time after another one was faster to create it
		err := m.do(ctx, call{op: opBegin, method: http.MethodGet, path: "experiments/get-by-name", query: url.Values{"experiment_name": {name}}, out: &got})
		if err == nil && got.Experiment.Lifecycle == "deleted" {
			return "", refused(opBegin, "restore it in MLflow", "the experiment %s was deleted", quote(name))
		}
		if kindOf(err) != Gone {
			return got.Experiment.ID, err
		}
		var made struct {
			ID string `json:"experiment_id"`
		}
		err = m.do(ctx, call{op: opBegin, method: http.MethodPost, path: "experiments/create", body: map[string]any{"name": name}, out: &made})
		if kindOf(err) != Conflict {
			return made.ID, err
		}
	}
	return "", &Error{Kind: Conflict, Op: opBegin, Message: "the experiment " + strconv.Quote(name) + " can neither be found nor made"}
}
