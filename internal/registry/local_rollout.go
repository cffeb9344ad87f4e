package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Begin makes a rollout known: the same checks and marks as with MLflow.
func (l *Local) Begin(ctx context.Context, r BeginRequest) (Binding, error) {
	if err := r.validate(); err != nil {
		return Binding{}, err
	}
	var b Binding
	err := l.update(ctx, opBegin, r.RolloutID, func(s *localState) error {
		m, err := s.model(opBegin, r.Model)
		if err != nil {
			return err
		}
		if known, ok := m.Rollouts[r.RolloutID]; ok {
			b = known.Binding
			return nil
		}
		baseline, candidate, err := r.check(m.Versions)
		if err != nil {
			return err
		}
		if id := rival(m.Versions, r.RolloutID); id != "" {
			return running(r.Model, id)
		}
		if baseline.Stage != StageProduction { // named by the operator, and nothing else is
			m.raise(baseline.Version)
			baseline.Stage = StageProduction
		}
		b = Binding{
			Mode: ModeLocal, Model: r.Model, RolloutID: r.RolloutID, RunID: r.RolloutID, Baseline: baseline.Version,
			Candidate: candidate.Version, BaselineStage: baseline.Stage, CandidateStage: candidate.Stage,
		}
		m.begin(b, r.PolicyHash)
		return nil
	})
	return b, err
}

func (m *localModel) begin(b Binding, policy string) {
	if m.Rollouts == nil {
		m.Rollouts = map[string]localRollout{}
	}
	m.Rollouts[b.RolloutID] = localRollout{Binding: b, AtStart: inProduction(m.Versions), Tags: map[string]string{"headgate.policy": policy}}
	text, err := json.Marshal(b)
	if err != nil {
		panic("BUG: a binding is not JSON: " + err.Error())
	}
	for _, v := range []string{b.Baseline, b.Candidate} {
		m.tag(v, tagRollout, b.RolloutID)
		m.tag(v, tagBinding, string(text))
	}
}

// rollout finds the model and what is kept of the rollout.
func (s localState) rollout(op string, b Binding) (*localModel, localRollout, error) {
	m, err := s.model(op, b.Model)
	if err != nil {
		return nil, localRollout{}, err
	}
	r, ok := m.Rollouts[b.RolloutID]
	if !ok {
		r = localRollout{Binding: b, AtStart: []string{b.Baseline}}
	}
	if m.Rollouts == nil {
		m.Rollouts = map[string]localRollout{}
	}
	return m, r, nil
}

// Promote makes the candidate the one version in Production.
func (l *Local) Promote(ctx context.Context, b Binding) (Outcome, error) {
	return l.turn(ctx, opPromote, b, func(m *localModel, r *localRollout) (Result, string) {
		if r.Rollback != "" {
			return Superseded, "the rollout was rolled back"
		}
		result, found := m.follow(*r, scene.promotion, b.Candidate, b.Baseline)
		r.Promote = r.Promote || result == Done
		return result, found
	})
}

// Restore puts the baseline back into Production and archives the candidate.
func (l *Local) Restore(ctx context.Context, b Binding, by string) (Outcome, error) {
	return l.turn(ctx, opRestore, b, func(m *localModel, r *localRollout) (Result, string) {
		if r.Rollback == "" {
			r.Rollback = by
			setDefault(&r.Rollback, "headgate")
		}
		return m.follow(*r, scene.restoration, b.Baseline, b.Candidate)
	})
}

// turn is one change of the versions' stages by a rollout.
func (l *Local) turn(ctx context.Context, op string, b Binding, do func(*localModel, *localRollout) (Result, string)) (Outcome, error) {
	var out Outcome
	err := l.update(ctx, op, b.RolloutID, func(s *localState) error {
		m, r, err := s.rollout(op, b)
		if err != nil {
			return err
		}
		before := s.stages()
		out = Outcome{}
		out.Result, out.Found = do(m, &r)
		m.Rollouts[b.RolloutID] = r
		for _, v := range m.Versions {
			if before[place{b.Model, v.Version}] != v.Stage {
				out.Actions = append(out.Actions, Action{What: "version " + v.Version + " to " + v.Stage, At: l.now()})
			}
		}
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// follow makes the moves that the scene asks for until there are none.
func (m *localModel) follow(r localRollout, next func(scene) (move, string), in, out string) (Result, string) {
	for range rounds {
		s := scene{b: r.Binding, versions: m.Versions, atStart: r.AtStart, attempted: r.Promote}
		step, why := next(s)
		switch step {
		case moveNone:
			return Done, s.describe()
		case moveStop:
			return Conflicted, why
		case moveRaise:
			m.raise(in)
		case moveArchive:
			m.at(out).Stage = StageArchived
		case moveYield:
			m.at(r.Binding.Candidate).Stage = StageStaging
			return Conflicted, why
		}
	}
	panic(fmt.Sprintf("BUG: rollout %s does not settle in the local registry", r.Binding.RolloutID))
}

// Annotate keeps the evidence with the rollout, and the tags on the candidate.
func (l *Local) Annotate(ctx context.Context, b Binding, tags map[string]string, report []byte) error {
	return l.update(ctx, opAnnotate, b.RolloutID, func(s *localState) error {
		m, r, err := s.rollout(opAnnotate, b)
		if err != nil {
			return err
		}
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		maps.Copy(r.Tags, tags)
		r.Report = truncate(string(report), maxReportTags*maxTag)
		m.Rollouts[b.RolloutID] = r
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			m.tag(b.Candidate, key, truncate(tags[key], maxTag))
		}
		return nil
	})
}

// keptRollouts bounds how many finished rollouts of a model are remembered.
const keptRollouts = 50

// Finish takes the marks of an unfinished rollout away.
func (l *Local) Finish(ctx context.Context, b Binding, status string) error {
	if err := checkStatus(status); err != nil {
		return err
	}
	return l.update(ctx, opFinish, b.RolloutID, func(s *localState) error {
		m, r, err := s.rollout(opFinish, b)
		if err != nil {
			return err
		}
		r.Status = status
		m.Rollouts[b.RolloutID] = r
		key := tagPromoted
		if status == StatusRolledBack {
			key = tagRolledBack
		}
		m.tag(b.Candidate, key, b.RolloutID)
		for _, v := range slices.Clone(m.Versions) {
			for _, key := range staleTags(v, b) {
				m.tag(v.Version, key, "")
			}
		}
		m.forget(b.RolloutID)
		return nil
	})
}

// forget drops what is kept of rollouts that no version names any more.
func (m *localModel) forget(last string) {
	named := map[string]bool{last: true}
	for _, v := range m.Versions {
		for _, key := range []string{tagRollout, tagPromoted, tagRolledBack} {
			named[v.Tags[key]] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.Rollouts)) {
		if len(m.Rollouts) <= keptRollouts {
			return
		}
		if !named[id] {
			delete(m.Rollouts, id)
		}
	}
}
