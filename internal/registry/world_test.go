package registry

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

// world is one real MLflow in one mode.
type world struct {
	name string
	line mlflowtest.Line
	mode string
}

var worlds = []world{
	{"stages on 2.14.3", mlflowtest.Line2, ModeStages},
	{"stages on 3.17.2", mlflowtest.Line3, ModeStages},
	{"aliases on 3.17.2", mlflowtest.Line3, ModeAliases},
}

// everywhere runs a test against each of the worlds, the worlds side by side.
func everywhere(t *testing.T, test func(t *testing.T, w world, s *mlflowtest.Server)) {
	mlflowtest.Warm(mlflowtest.Line2, mlflowtest.Line3)
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			test(t, w, mlflowtest.Shared(t, w.line))
		})
	}
}

func (w world) client(t *testing.T, address string) *MLflow {
	t.Helper()
	c := Config{MLflow: &MLflowConfig{TrackingURI: address, Mode: w.mode, CallsPerSecond: 1000}}
	c.SetDefaults()
	m, err := NewMLflow(*c.MLflow, Options{Getenv: func(string) string { return "" }, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m.settle, m.backoff = 3*time.Second, 20*time.Millisecond
	t.Cleanup(m.Close)
	return m
}

// put moves a version as a person does.
func (w world) put(t *testing.T, s *mlflowtest.Server, model, version, stage string) {
	t.Helper()
	if w.mode == ModeStages {
		s.Stage(t, model, version, stage)
		return
	}
	switch stage {
	case StageProduction:
		s.Alias(t, model, "champion", version)
	case StageStaging:
		s.Alias(t, model, "challenger", version)
	default:
		if err := s.Call("POST", "model-versions/set-tag", map[string]any{"name": model, "version": version, "key": tagStatus, "value": strings.ToLower(stage)}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// stands is what MLflow says, asked without Headgate's client, in the words of
// stages: "1:Production 2:Staging".
func (w world) stands(t *testing.T, s *mlflowtest.Server, model string) string {
	t.Helper()
	stages := s.Stages(t, model)
	if w.mode == ModeStages {
		return stages
	}
	aliases := s.Aliases(t, model)
	var out []string
	for _, part := range strings.Fields(stages) {
		v, _, _ := strings.Cut(part, ":")
		stage := StageNone
		switch archived := s.Tags(t, model, v)[tagStatus] == statusArchived; {
		case aliases["champion"] == v && archived:
			stage = "Production-and-archived"
		case aliases["champion"] == v:
			stage = StageProduction
		case aliases["challenger"] == v && archived:
			stage = "Staging-and-archived"
		case archived:
			stage = StageArchived
		case aliases["challenger"] == v:
			stage = StageStaging
		}
		out = append(out, v+":"+stage)
	}
	return strings.Join(out, " ")
}

// pairOf makes a model with version 1 in production and version 2 in staging.
func (w world) pairOf(t *testing.T, s *mlflowtest.Server) string {
	t.Helper()
	model := s.Model(t)
	s.Version(t, model)
	s.Version(t, model)
	w.put(t, s, model, "1", StageProduction)
	w.put(t, s, model, "2", StageStaging)
	return model
}

var rollouts atomic.Uint64

func rolloutID() string { return fmt.Sprintf("r-%d", rollouts.Add(1)) }

// begin begins a rollout of version 2.
func (w world) begin(t *testing.T, m *MLflow, model string) Binding {
	t.Helper()
	b, err := m.Begin(t.Context(), BeginRequest{Model: model, RolloutID: rolloutID(), Candidate: "2", PolicyHash: "sha256:1"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w world) expect(t *testing.T, s *mlflowtest.Server, model, want string) {
	t.Helper()
	if got := w.stands(t, s, model); got != want {
		t.Errorf("MLflow says %s, want %s", got, want)
	}
}

type turn func(context.Context, Binding) (Outcome, error)

func restoring(m *MLflow) turn {
	return func(ctx context.Context, b Binding) (Outcome, error) { return m.Restore(ctx, b, "gate") }
}

// succeed makes a promotion or restoration and wants this result.
func succeed(t *testing.T, do turn, b Binding, want Result) Outcome {
	t.Helper()
	out, err := do(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if out.Result != want {
		t.Fatalf("result %q (%s), want %q; actions %v", out.Result, out.Found, want, out.Actions)
	}
	return out
}
