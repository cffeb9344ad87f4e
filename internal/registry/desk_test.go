package registry

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

func TestTransitionStage(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		m := w.client(t, s.URL)
		model := w.pairOf(t, s)
		s.Version(t, model)
		moves := []struct{ version, stage, from, to, stands string }{
			{"3", "sTaGiNg", StageNone, StageStaging, "1:Production 2:Staging 3:Staging"},
			{"3", "archived", StageStaging, StageArchived, "1:Production 2:Staging 3:Archived"},
			{"3", "NONE", StageArchived, StageNone, "1:Production 2:Staging 3:None"},
			{"1", "archived", StageProduction, StageArchived, "1:Archived 2:Staging 3:None"},
			{"2", "production", StageStaging, StageProduction, "1:Archived 2:Production 3:None"},
			{"2", "production", StageProduction, StageProduction, "1:Archived 2:Production 3:None"},
		}
		for _, c := range moves {
			got, err := m.TransitionStage(t.Context(), model, c.version, c.stage)
			if err != nil || got != (Transition{c.from, c.to}) {
				t.Fatalf("version %s to %s: %+v, %v", c.version, c.stage, got, err)
			}
			want := c.stands
			if w.mode == ModeAliases { // one version holds an alias at a time
				want = strings.Replace(want, "2:Staging 3:Staging", "2:None 3:Staging", 1)
				want = strings.Replace(want, "2:Staging", "2:None", 1)
			}
			w.expect(t, s, model, want)
			if w.mode == ModeAliases && c.version == "1" {
				if _, err := m.TransitionStage(t.Context(), model, "2", "Staging"); err != nil {
					t.Fatal(err)
				}
			}
		}
		wrong := []struct {
			name, model, version, stage string
			kind                        Kind
			text                        string
		}{
			{"unknown stage", model, "1", "Live", UnknownStage, `unknown stage "Live": the stages are None, Staging, Production, Archived`},
			{"unknown model", "no-such", "1", "Staging", UnknownModel, `model "no-such" is not in the registry`},
			{"unknown version", model, "9", "Staging", UnknownVersion, `has no version "9"`},
		}
		for _, c := range wrong {
			_, err := m.TransitionStage(t.Context(), c.model, c.version, c.stage)
			if kindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if _, err := m.Begin(t.Context(), BeginRequest{Model: model, RolloutID: rolloutID(), Candidate: "3"}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.TransitionStage(t.Context(), model, "3", "Production"); !errors.Is(err, ErrRolloutRunning) {
			t.Errorf("Production while a rollout runs: %v", err)
		}
		if _, err := m.TransitionStage(t.Context(), model, "1", "None"); err != nil {
			t.Errorf("another stage while a rollout runs: %v", err)
		}
	})
}

func TestRegister(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		r := relay(t, s)
		m := w.client(t, r.URL)
		name := "registered by " + w.name
		name = strings.ReplaceAll(name, ".", "-")
		for _, want := range []string{"1", "2"} {
			run, artifacts := s.Run(t)
			r.OnAnswer(firstOfEach(mlflowtest.Lose)) // no version is made twice
			v, err := m.Register(t.Context(), name, artifacts+"/model", run)
			if err != nil || v.Version != want || v.RunID != run || v.Stage != StageNone {
				t.Errorf("registered %+v, %v, want version %s", v, err, want)
			}
		}
		r.OnAnswer(nil)
		if w.line == mlflowtest.Line3 {
			run, _ := s.Run(t)
			_, err := m.Register(t.Context(), name, "/etc", run)
			if e, ok := asError(err); !ok || e.Kind != Invalid || !strings.Contains(e.Hint, "--run-id") {
				t.Errorf("a source outside the run: %v", err)
			}
		}
		if _, err := m.Register(t.Context(), name, "", ""); kindOf(err) != Invalid {
			t.Errorf("an empty source: %v", err)
		}
	})
}

func TestAnnotate(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		m := w.client(t, s.URL)
		b := w.begin(t, m, w.pairOf(t, s))
		report := []byte(`{"gate":"errors","words":"` + strings.Repeat("ä", 4000) + `"}`)
		long := strings.Repeat("ö", 4000)
		for range 2 {
			if err := m.Annotate(t.Context(), b, map[string]string{"headgate.cause": "gate", "headgate.reason": long}, report); err != nil {
				t.Fatal(err)
			}
		}
		run := s.RunState(t, b.RunID)
		if run.Tags["headgate.cause"] != "gate" || run.Tags[runTagReport] != "artifact headgate/report.json" {
			t.Errorf("tags of the run: %v", run.Tags)
		}
		if tag := s.Tags(t, b.Model, "2")["headgate.reason"]; !strings.HasPrefix(long, tag) || len(tag) < maxTag-1 {
			t.Errorf("the long tag has %d bytes", len(tag))
		}
		var listed struct {
			Files []struct{ Path string } `json:"files"`
		}
		if err := s.Call(http.MethodGet, "artifacts/list", map[string]any{"run_id": b.RunID, "path": "headgate"}, &listed); err != nil || len(listed.Files) != 1 {
			t.Errorf("artifacts %+v, %v", listed, err)
		}
	})
}

func TestDiagnose(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		m := w.client(t, s.URL)
		running := w.pairOf(t, s)
		b := w.begin(t, m, running)
		empty := s.Model(t)
		got := words(m.Diagnose(t.Context(), []string{running, empty, "no-such"}))
		for _, want := range []string{
			"ok MLflow " + map[mlflowtest.Line]string{mlflowtest.Line2: "2.14.3", mlflowtest.Line3: "3.17.2"}[w.line] + " answers at " + s.URL + ", with no sign-in",
			"ok the server has " + w.mode,
			"ok model \"" + running + "\": version 1 of 2 is in Production",
			"warn model \"" + running + "\" carries the mark of the unfinished rollout " + b.RolloutID + " | when headgate status " + running +
				" does not show it, it is orphaned: headgate rollback " + running + ` --reason "orphaned rollout" ends it`,
			"error no version of \"" + empty + "\" is in Production | headgate transition-stage --model-name " + empty + " --version N --stage Production",
			`error model "no-such" is not in the registry`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("missing %q in\n%s", want, got)
			}
		}
	})
}

func words(fs []Finding) string {
	var out strings.Builder
	for _, f := range fs {
		out.WriteString(string(f.Level) + " " + f.What)
		if f.Hint != "" {
			out.WriteString(" | " + f.Hint)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// Many versions come on several pages.
func TestPages(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		m := w.client(t, s.URL)
		m.page = 2
		model := w.pairOf(t, s)
		for range 3 {
			s.Version(t, model)
		}
		vs, err := m.Versions(t.Context(), model)
		if err != nil || len(vs) != 5 || vs[4].Version != "5" {
			t.Errorf("%d versions, %v", len(vs), err)
		}
		v, err := m.Production(t.Context(), model)
		if err != nil || v.Version != "1" || v.RunID == "" || v.Status != "READY" || v.Created.IsZero() {
			t.Errorf("production %+v, %v", v, err)
		}
	})
}

// Where artifacts do not go through the server the report is kept in tags.
func TestReportInTags(t *testing.T) {
	report := strings.Repeat("ä", 30000)
	got := reportTags(report)
	if len(got) != maxReportTags+1 || !strings.Contains(got[maxReportTags].Value, "did not fit") {
		t.Fatalf("%d tags, the last %q", len(got), got[len(got)-1].Value)
	}
	joined := ""
	for _, tag := range got[:maxReportTags] {
		if len(tag.Value) > maxTag {
			t.Errorf("tag %s has %d bytes", tag.Key, len(tag.Value))
		}
		joined += tag.Value
	}
	if !strings.HasPrefix(report, joined) || len(joined) < maxReportTags*(maxTag-1) {
		t.Errorf("%d of %d bytes kept", len(joined), len(report))
	}
	for uri, want := range map[string]string{
		"mlflow-artifacts:/0/abc/artifacts": "0/abc/artifacts", "mlflow-artifacts://host:1/0/a b/artifacts": "0/a%20b/artifacts", "s3://bucket/x": "", "/var/x": "",
	} {
		if got, _ := proxied(uri); got != want {
			t.Errorf("proxied(%q) = %q, want %q", uri, got, want)
		}
	}
}
