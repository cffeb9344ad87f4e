package registry

import (
	"errors"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

func TestPromotion(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		model, m := w.pairOf(t, s), w.client(t, s.URL)
		b := w.begin(t, m, model)
		if id, err := m.Unfinished(t.Context(), model); err != nil || id != b.RolloutID {
			t.Fatalf("unfinished = %q, %v, want %q", id, err, b.RolloutID)
		}
		for range 2 { // the second time after a crash that lost the answer
			succeed(t, m.Promote, b, Done)
			w.expect(t, s, model, "1:Archived 2:Production")
		}
		for range 2 {
			if err := m.Finish(t.Context(), b, StatusPromoted); err != nil {
				t.Fatal(err)
			}
		}
		if id, err := m.Unfinished(t.Context(), model); err != nil || id != "" {
			t.Errorf("unfinished = %q, %v after the end", id, err)
		}
		run := s.RunState(t, b.RunID)
		if run.Status != "FINISHED" || run.Params[paramPromote] != b.RolloutID || run.Tags[runTagStatus] != StatusPromoted {
			t.Errorf("the run says %+v", run)
		}
		if run.Tags["mlflow.source.git.commit"] != "0123abc" || run.Tags["mlflow.parentRunId"] == "" {
			t.Errorf("the run does not name what it came from: %v", run.Tags)
		}
		// A rollback of what was promoted and finished goes to the recorded version.
		succeed(t, restoring(m), b, Done)
		w.expect(t, s, model, "1:Production 2:Archived")
		succeed(t, m.Promote, b, Superseded)
		w.expect(t, s, model, "1:Production 2:Archived")
	})
}

func TestRestoration(t *testing.T) {
	cases := []struct {
		name   string
		only   string // a mode, or both
		before func(t *testing.T, w world, s *mlflowtest.Server, m *MLflow, b Binding)
		want   Result
		after  string
		found  string
	}{
		{name: "in the canary, nothing promoted", want: Done, after: "1:Production 2:Archived 3:None"},
		{
			name: "in the bake", want: Done, after: "1:Production 2:Archived 3:None",
			before: func(t *testing.T, _ world, _ *mlflowtest.Server, m *MLflow, b Binding) {
				succeed(t, m.Promote, b, Done)
			},
		},
		{
			name: "somebody archived the candidate already", want: Done, after: "1:Production 2:Archived 3:None",
			before: func(t *testing.T, w world, s *mlflowtest.Server, _ *MLflow, b Binding) {
				w.put(t, s, b.Model, "2", StageArchived)
			},
		},
		{
			name: "in the bake, somebody archived the candidate already", only: ModeStages, want: Done, after: "1:Production 2:Archived 3:None",
			before: func(t *testing.T, w world, s *mlflowtest.Server, m *MLflow, b Binding) {
				succeed(t, m.Promote, b, Done)
				w.put(t, s, b.Model, "2", StageArchived)
			},
		},
		{
			name: "two in production, left by a race", only: ModeStages, want: Done, after: "1:Production 2:Archived 3:None",
			before: func(t *testing.T, w world, s *mlflowtest.Server, _ *MLflow, b Binding) {
				w.put(t, s, b.Model, "2", StageProduction)
			},
		},
		{
			name: "somebody promoted a third version", want: Conflicted, found: "version 3 is in Production, which is neither the baseline 1 nor the candidate 2",
			after: "1:Archived 2:Staging 3:Production",
			before: func(t *testing.T, w world, s *mlflowtest.Server, _ *MLflow, b Binding) {
				w.put(t, s, b.Model, "1", StageArchived)
				w.put(t, s, b.Model, "3", StageProduction)
			},
		},
		{
			name: "somebody put a third version beside the baseline", only: ModeStages, want: Conflicted, found: "version 3 is in Production",
			after: "1:Production 2:Staging 3:Production",
			before: func(t *testing.T, w world, s *mlflowtest.Server, _ *MLflow, b Binding) {
				w.put(t, s, b.Model, "3", StageProduction)
			},
		},
		{
			name: "somebody took the baseline out", only: ModeStages, want: Conflicted, found: "the baseline 1 was taken out of Production by somebody; nothing is in Production",
			after: "1:Archived 2:Staging 3:None",
			before: func(t *testing.T, w world, s *mlflowtest.Server, _ *MLflow, b Binding) {
				w.put(t, s, b.Model, "1", StageArchived)
			},
		},
		{
			name: "the rollout's run was deleted", want: Done, after: "1:Production 2:Archived 3:None",
			before: func(t *testing.T, _ world, s *mlflowtest.Server, m *MLflow, b Binding) {
				succeed(t, m.Promote, b, Done)
				if err := s.Call("POST", "runs/delete", map[string]any{"run_id": b.RunID}, nil); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		m := w.client(t, s.URL)
		for _, c := range cases {
			if c.only != "" && c.only != w.mode {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				model := w.pairOf(t, s)
				s.Version(t, model)
				b := w.begin(t, m, model)
				if c.before != nil {
					c.before(t, w, s, m, b)
				}
				for range 2 {
					out := succeed(t, restoring(m), b, c.want)
					if !strings.Contains(out.Found, c.found) {
						t.Errorf("found %q, want %q in it", out.Found, c.found)
					}
					w.expect(t, s, model, c.after)
				}
				for range 2 {
					if err := m.Finish(t.Context(), b, StatusRolledBack); err != nil {
						t.Fatal(err)
					}
				}
				if id, err := m.Unfinished(t.Context(), model); err != nil || id != "" {
					t.Errorf("unfinished = %q, %v after the end", id, err)
				}
				if s.Tags(t, model, "2")[tagRolledBack] != b.RolloutID {
					t.Error("the candidate does not say that it was rolled back")
				}
				if n := s.RolloutRuns(t, b.RolloutID); n > 1 {
					t.Errorf("%d runs for one rollout", n)
				}
			})
		}
	})
}

func TestPromotionLeavesAPersonsChange(t *testing.T) {
	cases := []struct {
		name   string
		only   string
		before func(t *testing.T, w world, s *mlflowtest.Server, model string)
		after  string
		found  string
	}{
		{
			"a third version in production", "", func(t *testing.T, w world, s *mlflowtest.Server, model string) {
				w.put(t, s, model, "1", StageArchived)
				w.put(t, s, model, "3", StageProduction)
			}, "1:Archived 2:Staging 3:Production", "version 3 is in Production, put there by somebody meanwhile",
		},
		{
			"the candidate archived", "", func(t *testing.T, w world, s *mlflowtest.Server, model string) {
				w.put(t, s, model, "2", StageArchived)
			}, "1:Production 2:Archived 3:None", "the candidate 2 was archived by somebody",
		},
		{
			"the baseline taken out", ModeStages, func(t *testing.T, w world, s *mlflowtest.Server, model string) {
				w.put(t, s, model, "1", StageNone)
			}, "1:None 2:Staging 3:None", "the baseline 1 was taken out of Production by somebody",
		},
	}
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		m := w.client(t, s.URL)
		for _, c := range cases {
			if c.only != "" && c.only != w.mode {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				model := w.pairOf(t, s)
				s.Version(t, model)
				b := w.begin(t, m, model)
				c.before(t, w, s, model)
				out := succeed(t, m.Promote, b, Conflicted)
				if !strings.Contains(out.Found, c.found) {
					t.Errorf("found %q, want %q in it", out.Found, c.found)
				}
				if w.mode == ModeStages || !strings.Contains(c.after, "2:Archived") {
					w.expect(t, s, model, c.after)
				}
				if _, tried := s.RunState(t, b.RunID).Tags[runTagPromoting]; tried {
					t.Error("a promotion that wrote nothing says it did")
				}
			})
		}
	})
}

func TestBegin(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		m := w.client(t, s.URL)
		t.Run("is repeated after a crash", func(t *testing.T) {
			model := w.pairOf(t, s)
			r := BeginRequest{Model: model, RolloutID: rolloutID(), Candidate: "2"}
			first, err := m.Begin(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			// As after a kill between the run and the binding.
			if err := m.dropTag(t.Context(), "", model, "2", tagBinding); err != nil {
				t.Fatal(err)
			}
			second, err := m.Begin(t.Context(), r)
			if err != nil || second != first {
				t.Errorf("second Begin = %+v, %v, want %+v", second, err, first)
			}
			third, err := m.Begin(t.Context(), r)
			if err != nil || third != first || s.RolloutRuns(t, r.RolloutID) != 1 {
				t.Errorf("third Begin = %+v, %v; %d runs", third, err, s.RolloutRuns(t, r.RolloutID))
			}
			want := Binding{
				Mode: w.mode, Model: model, RolloutID: r.RolloutID, RunID: first.RunID, ExperimentID: "0",
				Baseline: "1", Candidate: "2", BaselineStage: StageProduction, CandidateStage: StageStaging,
			}
			if first != want {
				t.Errorf("binding %+v, want %+v", first, want)
			}
			if b, ok, err := m.Recover(t.Context(), model); err != nil || !ok || b != first {
				t.Errorf("recovered %+v, %v, %v", b, ok, err)
			}
		})
		t.Run("refuses", func(t *testing.T) { testRefusals(t, w, s, m) })
		t.Run("again, after a rollback", func(t *testing.T) {
			model := w.pairOf(t, s)
			b := w.begin(t, m, model)
			succeed(t, restoring(m), b, Done)
			if err := m.Finish(t.Context(), b, StatusRolledBack); err != nil {
				t.Fatal(err)
			}
			again := BeginRequest{Model: model, RolloutID: rolloutID(), Candidate: "2"}
			if _, err := m.Begin(t.Context(), again); kindOf(err) != Refused {
				t.Errorf("error %v, want a refusal", err)
			}
			again.Again = true
			b, err := m.Begin(t.Context(), again)
			if err != nil {
				t.Fatal(err)
			}
			succeed(t, m.Promote, b, Done)
			w.expect(t, s, model, "1:Archived 2:Production")
			if err := m.Finish(t.Context(), b, StatusPromoted); err != nil {
				t.Fatal(err)
			}
			if tags := s.Tags(t, model, "2"); tags[tagRolledBack] != "" || tags[tagPromoted] != b.RolloutID {
				t.Errorf("tags of the promoted version: %v", tags)
			}
		})
	})
}

func testRefusals(t *testing.T, w world, s *mlflowtest.Server, m *MLflow) {
	model := w.pairOf(t, s)
	s.Version(t, model)
	bare := s.Model(t)
	s.Version(t, bare)
	s.Version(t, bare)
	cases := []struct {
		name string
		r    BeginRequest
		kind Kind
		is   error
		text string
	}{
		{"unknown model", BeginRequest{Model: "no-such", Candidate: "2"}, UnknownModel, nil, `model "no-such" is not in the registry`},
		{"unknown version", BeginRequest{Model: model, Candidate: "77"}, UnknownVersion, nil, `has no version "77"`},
		{"unknown baseline", BeginRequest{Model: model, Candidate: "2", Baseline: "78"}, UnknownVersion, nil, `has no version "78"`},
		{"the baseline itself", BeginRequest{Model: model, Candidate: "1"}, Refused, nil, "is the baseline itself"},
		{"another baseline than production", BeginRequest{Model: model, Candidate: "2", Baseline: "3"}, Conflict, nil, "the baseline is said to be version 3, but the registry has 1 in Production"},
		{"no baseline", BeginRequest{Model: bare, Candidate: "2"}, Refused, ErrNoBaseline, "is in Production"},
		{"no model", BeginRequest{Candidate: "2"}, Invalid, nil, "the model is empty"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.r.RolloutID = rolloutID()
			_, err := m.Begin(t.Context(), c.r)
			if kindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v (%s), want %s %q", err, kindOf(err), c.kind, c.text)
			}
			if n := s.RolloutRuns(t, c.r.RolloutID); n != 0 {
				t.Errorf("%d runs were made", n)
			}
		})
	}
	t.Run("a baseline by name where none is in production", func(t *testing.T) {
		b, err := m.Begin(t.Context(), BeginRequest{Model: bare, RolloutID: rolloutID(), Baseline: "1", Candidate: "2"})
		if err != nil {
			t.Fatal(err)
		}
		succeed(t, restoring(m), b, Done)
		w.expect(t, s, bare, "1:None 2:Archived")
	})
	t.Run("while another rollout runs", func(t *testing.T) {
		b := w.begin(t, m, model)
		_, err := m.Begin(t.Context(), BeginRequest{Model: model, RolloutID: rolloutID(), Candidate: "3"})
		if !errors.Is(err, ErrRolloutRunning) || !strings.Contains(err.Error(), b.RolloutID) {
			t.Errorf("error %v, want %v", err, ErrRolloutRunning)
		}
	})
}
