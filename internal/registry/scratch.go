package registry

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

const opScratch = "prepare the scratch model"

// scratchRun names the run whose artifacts the versions of a scratch model have
// as their source: MLflow 3 takes no other.
const scratchRun = "headgate-scratch"

// scratchSource ends the source of every version of a scratch model.
const scratchSource = "headgate-drill"

// scratchVersions is how many versions a scratch model has.
const scratchVersions = 2

// stagehand is what a registry needs for a scratch model.
type stagehand interface {
	Versions(ctx context.Context, model string) ([]Version, error)
	TransitionStage(ctx context.Context, model, version, stage string) (Transition, error)
	addScratch(ctx context.Context, model string) error
}

// Scratch makes a model that nobody serves from ready for a rehearsal: one
// version in Production, one in Staging. What is missing is made, and what an
// earlier rehearsal left is used again; nothing is deleted. It is refused for a
// model that has other versions too, and while a rollout of it is unfinished.
func (m *MLflow) Scratch(ctx context.Context, model string) (baseline, candidate string, err error) {
	return scratch(ctx, m, model)
}

// Scratch does what MLflow's does.
func (l *Local) Scratch(ctx context.Context, model string) (baseline, candidate string, err error) {
	return scratch(ctx, l, model)
}

func scratch(ctx context.Context, s stagehand, model string) (baseline, candidate string, err error) {
	vs, err := s.Versions(ctx, model)
	if err != nil && kindOf(err) != UnknownModel {
		return "", "", err
	}
	for _, v := range vs {
		if !strings.HasSuffix(v.Source, scratchSource) {
			return "", "", refused(opScratch, "nothing is changed in a model that is somebody's", "version %s of %s was made by somebody else: its source is %s", v.Version, quote(model), quote(v.Source))
		}
	}
	for range scratchVersions - len(vs) {
		if err := s.addScratch(ctx, model); err != nil {
			return "", "", err
		}
	}
	if len(vs) < scratchVersions {
		if vs, err = s.Versions(ctx, model); err != nil {
			return "", "", err
		}
	}
	if len(vs) < scratchVersions {
		return "", "", refused(opScratch, "", "the versions of %s that were just made are not there", quote(model))
	}
	wanted := scratchPlaces(vs)
	for _, v := range vs { // Production first: nothing leaves it before another is there
		if to := wanted[v.Version]; to == StageProduction && v.Stage != to {
			if _, err := s.TransitionStage(ctx, model, v.Version, to); err != nil {
				return "", "", err
			}
		}
	}
	for _, v := range vs {
		switch to := wanted[v.Version]; to {
		case StageProduction:
			baseline = v.Version
		case StageStaging:
			candidate = v.Version
			fallthrough
		case StageArchived:
			if v.Stage == to {
				continue
			}
			if _, err := s.TransitionStage(ctx, model, v.Version, to); err != nil {
				return "", "", err
			}
		}
	}
	return baseline, candidate, nil
}

// scratchPlaces says where each version belongs: the first that is in
// Production stays, the newest of the others is the one on trial, and what else
// stands in Production or Staging leaves it.
func scratchPlaces(vs []Version) map[string]string {
	base := vs[0].Version
	if in := inProduction(vs); len(in) > 0 {
		base = in[0]
	}
	out := map[string]string{base: StageProduction}
	for _, v := range slices.Backward(vs) {
		switch {
		case v.Version == base:
		case len(out) == 1:
			out[v.Version] = StageStaging
		case v.Stage == StageProduction || v.Stage == StageStaging:
			out[v.Version] = StageArchived
		}
	}
	return out
}

func (l *Local) addScratch(ctx context.Context, model string) error {
	_, err := l.Register(ctx, model, scratchSource, "")
	return err
}

// addScratch makes a version whose source lies in the artifacts of a run of
// its own; there is nothing in it.
func (m *MLflow) addScratch(ctx context.Context, model string) error {
	experiment, err := m.namedExperiment(ctx, "headgate/"+model)
	if err != nil {
		return err
	}
	r, err := m.theRun(ctx, experiment, "headgate scratch versions", scratchRun, []wireTag{
		{runTagRollout, scratchRun}, {"headgate.model", model}, {"mlflow.source.name", "headgate"},
	})
	if err != nil {
		return err
	}
	if !r.finished {
		err := m.do(ctx, call{op: opScratch, method: http.MethodPost, path: "runs/update", body: map[string]any{
			"run_id": r.id, "status": "FINISHED", "end_time": m.now().UnixMilli(),
		}})
		if err != nil {
			return err
		}
	}
	if r.artifacts == "" { // made just now, and answered without
		if r, err = m.readRun(ctx, opScratch, r.id); err != nil {
			return err
		}
	}
	_, err = m.Register(ctx, model, r.artifacts+"/"+scratchSource, r.id)
	return err
}
