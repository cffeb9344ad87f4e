package registry

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

// rehearse is a whole rollout that is taken back, twice, with the same versions.
func rehearse(t *testing.T, model string, r interface {
	Scratch(ctx context.Context, model string) (string, string, error)
	Versions(ctx context.Context, model string) ([]Version, error)
	Begin(ctx context.Context, r BeginRequest) (Binding, error)
	Restore(ctx context.Context, b Binding, by string) (Outcome, error)
	Finish(ctx context.Context, b Binding, status string) error
}) {
	t.Helper()
	for range 2 {
		baseline, candidate, err := r.Scratch(t.Context(), model)
		if err != nil || baseline != "1" || candidate != "2" {
			t.Fatalf("baseline %q, candidate %q, %v", baseline, candidate, err)
		}
		vs, err := r.Versions(t.Context(), model)
		if err != nil || len(vs) != 2 || vs[0].Stage != StageProduction || vs[1].Stage != StageStaging {
			t.Fatalf("prepared: %+v, %v", vs, err)
		}
		b, err := r.Begin(t.Context(), BeginRequest{Model: model, RolloutID: rolloutID(), Baseline: baseline, Candidate: candidate, Again: true, PolicyHash: "h"})
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.Restore(t.Context(), b, "drill")
		if err != nil || out.Result != Done || len(out.Actions) != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		if err := r.Finish(t.Context(), b, StatusRolledBack); err != nil {
			t.Fatal(err)
		}
	}
}

func TestScratchModelIsUsedAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		model := s.Model(t) + "-drill-" + w.mode
		rehearse(t, model, w.client(t, s.URL))
		w.expect(t, s, model, "1:Production 2:Archived")
	})
}

func TestScratchModelOfTheLocalRegistry(t *testing.T) {
	rehearse(t, "headgate-drill-m", NewLocal(&memory{}, Options{}))
}

func TestScratchLeavesOthersAlone(t *testing.T) {
	l, store := shelf(t)
	before := string(store.state)
	if _, _, err := l.Scratch(t.Context(), "churn"); err == nil || string(store.state) != before {
		t.Errorf("took a model that is in use: %v", err)
	}
}

func TestScratchPlaces(t *testing.T) {
	for _, c := range []struct{ stages, want map[string]string }{
		{map[string]string{"1": StageNone, "2": StageNone}, map[string]string{"1": StageProduction, "2": StageStaging}},
		{map[string]string{"1": StageArchived, "2": StageProduction}, map[string]string{"2": StageProduction, "1": StageStaging}},
		{map[string]string{"1": StageProduction, "2": StageProduction, "3": StageNone}, map[string]string{"1": StageProduction, "2": StageArchived, "3": StageStaging}},
		{map[string]string{"1": StageArchived, "2": StageProduction, "3": StageArchived}, map[string]string{"2": StageProduction, "3": StageStaging}},
	} {
		var vs []Version
		for v, stage := range c.stages {
			vs = append(vs, Version{Version: v, Stage: stage})
		}
		sortVersions(vs)
		got, _ := json.Marshal(scratchPlaces(vs))
		want, _ := json.Marshal(c.want)
		if string(got) != string(want) {
			t.Errorf("%v: %s, want %s", c.stages, got, want)
		}
	}
}
