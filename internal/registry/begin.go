package registry

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"strings"
	"time"
)

// Begin makes a rollout known to MLflow before the first user sees the
// candidate: it checks both versions, claims the model, makes the rollout's run
// and keeps the binding on both versions. It is repeated with the same request
// after a crash and then finds what it made before. Of two rollouts of one model
// that begin at once, exactly one gets a binding, the other ErrRolloutRunning.
func (m *MLflow) Begin(ctx context.Context, r BeginRequest) (Binding, error) {
	if err := r.validate(); err != nil {
		return Binding{}, err
	}
	versions, err := m.versions(ctx, opBegin, r.Model)
	if err != nil {
		return Binding{}, err
	}
	if b, ok := began(versions, r); ok {
		return b, nil
	}
	baseline, _, err := r.check(versions)
	if err != nil {
		return Binding{}, err
	}
	if versions, err = m.claim(ctx, r, baseline.Version, versions); err != nil {
		return Binding{}, err
	}
	b, err := m.bind(ctx, r, versions)
	if permanent(err) { // it never begins: leave no mark of it
		return Binding{}, errors.Join(err, m.unclaim(ctx, r, versions))
	}
	return b, err
}

// began finds the binding of a Begin that had come to its end.
func began(versions []Version, r BeginRequest) (Binding, bool) {
	v, _ := find(versions, r.Candidate)
	if v.Tags[tagRollout] != r.RolloutID {
		return Binding{}, false
	}
	b, ok := bindingOf(v)
	if !ok || b.RolloutID != r.RolloutID {
		return Binding{}, false
	}
	base, _ := find(versions, b.Baseline)
	return b, base.Tags[tagRollout] == r.RolloutID
}

func bindingOf(v Version) (b Binding, ok bool) {
	return b, json.Unmarshal([]byte(v.Tags[tagBinding]), &b) == nil && b.RolloutID != ""
}

// Recover is the binding of an unfinished rollout whose state was lost, read
// from the tags it left. ok is false when no version carries one. A binding
// without a run is of a rollout that never sent anybody to its candidate.
func (m *MLflow) Recover(ctx context.Context, model string) (b Binding, ok bool, err error) {
	vs, err := m.versions(ctx, "look for an unfinished rollout", model)
	if err != nil {
		return b, false, err
	}
	b, ok = recovered(m.mode, model, vs)
	return b, ok, nil
}

func recovered(mode, model string, vs []Version) (Binding, bool) {
	id := unfinished(vs)
	if id == "" {
		return Binding{}, false
	}
	for _, v := range vs {
		if b, ok := bindingOf(v); ok && b.RolloutID == id {
			return b, true
		}
	}
	return Binding{Mode: mode, Model: model, RolloutID: id}, true
}

// claimTries bounds how often two rollouts that begin at once step back from
// each other; each try halves the chance that both do so again.
const claimTries = 8

// claim marks both versions with the rollout's id and looks whether another
// mark is there. Each writes before it reads, so of two at least one sees the
// other: who does, takes its marks away, waits for a time of its own, and gives
// up when the other mark has stayed.
func (m *MLflow) claim(ctx context.Context, r BeginRequest, baseline string, versions []Version) ([]Version, error) {
	for n := range claimTries {
		if id := rival(versions, r.RolloutID); id != "" {
			return nil, running(r.Model, id)
		}
		for _, v := range []string{r.Candidate, baseline} {
			if err := m.setTag(ctx, opBegin, r.Model, v, tagRollout, r.RolloutID); err != nil {
				return nil, err
			}
		}
		var err error
		if versions, err = m.versions(ctx, opBegin, r.Model); err != nil {
			return nil, err
		}
		id := rival(versions, r.RolloutID)
		if id == "" {
			return versions, nil
		}
		m.log.Debug("another rollout begins at the same time", "model", r.Model, "rollout", r.RolloutID, "other", id)
		if err := m.unclaim(ctx, r, versions); err != nil {
			return nil, err
		}
		if err := pause(ctx, ownDelay(r.RolloutID, n)); err != nil {
			return nil, err
		}
		if versions, err = m.versions(ctx, opBegin, r.Model); err != nil {
			return nil, err
		}
	}
	return nil, running(r.Model, "that begins at the same time")
}

func rival(versions []Version, mine string) string {
	for _, v := range versions {
		if id := v.Tags[tagRollout]; marks(id) && id != mine {
			return id
		}
	}
	return ""
}

func (m *MLflow) unclaim(ctx context.Context, r BeginRequest, versions []Version) error {
	for _, v := range versions {
		if v.Tags[tagRollout] != r.RolloutID {
			continue
		}
		if err := m.dropTag(ctx, opBegin, r.Model, v.Version, tagRollout); err != nil {
			return err
		}
	}
	return nil
}

// ownDelay differs between rollouts and tries: 50 ms to about a second.
func ownDelay(rollout string, try int) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte{byte(try)}) // a hash takes everything
	_, _ = h.Write([]byte(rollout))
	return 50*time.Millisecond + time.Duration(h.Sum32()%1000)*time.Millisecond
}

// bind checks once more what was read after the claim, finds or makes the
// rollout's run, and keeps the binding.
func (m *MLflow) bind(ctx context.Context, r BeginRequest, versions []Version) (Binding, error) {
	baseline, candidate, err := r.check(versions)
	if err != nil {
		return Binding{}, err
	}
	experiment, training, err := m.experiment(ctx, r.Model, candidate)
	if err != nil {
		return Binding{}, err
	}
	tags := []wireTag{
		{runTagRollout, r.RolloutID}, {"headgate.model", r.Model}, {"headgate.baseline", baseline.Version}, {"headgate.candidate", candidate.Version},
		{"headgate.policy", r.PolicyHash}, {runTagProduction, strings.Join(inProduction(versions), ",")}, {"mlflow.source.name", "headgate"},
	}
	if training.id != "" {
		tags = append(tags, wireTag{"mlflow.parentRunId", training.id})
	}
	if commit := training.tags["mlflow.source.git.commit"]; commit != "" {
		tags = append(tags, wireTag{"mlflow.source.git.commit", commit})
	}
	made, err := m.theRun(ctx, experiment, "headgate rollout of version "+candidate.Version, r.RolloutID, tags)
	if err != nil {
		return Binding{}, err
	}
	b := Binding{
		Mode: m.mode, Model: r.Model, RolloutID: r.RolloutID, RunID: made.id, ExperimentID: experiment,
		Baseline: baseline.Version, Candidate: candidate.Version, BaselineStage: baseline.Stage, CandidateStage: candidate.Stage,
	}
	return b, m.keep(ctx, b)
}

// keep writes the binding on both versions, the candidate last: what began
// reads as the end of it.
func (m *MLflow) keep(ctx context.Context, b Binding) error {
	text, err := json.Marshal(b)
	if err != nil {
		panic("BUG: a binding is not JSON: " + err.Error())
	}
	for _, v := range []string{b.Baseline, b.Candidate} {
		if err := m.setTag(ctx, opBegin, b.Model, v, tagBinding, string(text)); err != nil {
			return err
		}
	}
	return nil
}
