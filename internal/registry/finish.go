package registry

import (
	"context"
	"net/http"
)

// Finish ends the rollout's run and takes the marks of an unfinished rollout
// from both versions. It may be repeated.
func (m *MLflow) Finish(ctx context.Context, b Binding, status string) error {
	if err := checkStatus(status); err != nil {
		return err
	}
	if err := m.endRun(ctx, b, status); err != nil && kindOf(err) != Gone {
		return err
	}
	if err := m.markCandidate(ctx, b, status); err != nil && kindOf(err) != Gone {
		return err
	}
	return m.clearMarks(ctx, b)
}

const opFinish = "finish the rollout"

func (m *MLflow) endRun(ctx context.Context, b Binding, status string) error {
	if b.RunID == "" {
		return nil
	}
	r, err := m.readRun(ctx, opFinish, b.RunID)
	if err != nil {
		return err
	}
	if r.tags[runTagStatus] != status {
		if err := m.tagRun(ctx, opFinish, b.RunID, runTagStatus, status); err != nil {
			return err
		}
	}
	if r.finished {
		return nil
	}
	return m.do(ctx, call{op: opFinish, method: http.MethodPost, path: "runs/update", body: map[string]any{
		"run_id": b.RunID, "status": "FINISHED", "end_time": m.now().UnixMilli(),
	}})
}

func (m *MLflow) markCandidate(ctx context.Context, b Binding, status string) error {
	if status == StatusRolledBack {
		return m.setTag(ctx, opFinish, b.Model, b.Candidate, tagRolledBack, b.RolloutID)
	}
	return m.setTag(ctx, opFinish, b.Model, b.Candidate, tagPromoted, b.RolloutID)
}

// clearMarks comes last: it is what makes the model free for the next rollout.
// What an earlier rollout left on a promoted version goes with it.
func (m *MLflow) clearMarks(ctx context.Context, b Binding) error {
	vs, err := m.versions(ctx, opFinish, b.Model)
	if kindOf(err) == UnknownModel {
		return nil
	}
	if err != nil {
		return err
	}
	for _, v := range vs {
		for _, key := range staleTags(v, b) {
			if err := m.dropTag(ctx, opFinish, b.Model, v.Version, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// staleTags of a version once the rollout is finished.
func staleTags(v Version, b Binding) []string {
	var out []string
	if kept, ok := bindingOf(v); ok && kept.RolloutID == b.RolloutID {
		out = append(out, tagBinding)
	}
	if v.Version == b.Candidate && v.Tags[tagPromoted] == b.RolloutID && marks(v.Tags[tagRolledBack]) {
		if v.Tags[tagRolledBack] == b.RolloutID { // promoted, and taken back afterwards
			out = append(out, tagPromoted)
		} else {
			out = append(out, tagRolledBack)
		}
	}
	if v.Tags[tagRollout] == b.RolloutID {
		out = append(out, tagRollout)
	}
	return out
}
