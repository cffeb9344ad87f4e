package registry

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

// persist repeats a step as the caller does, until it says done.
func persist(t *testing.T, what string, step func(context.Context) error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if err = step(t.Context()); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s never ended: %v", what, err)
}

func wantDone(out Outcome, err error) error {
	if err == nil && out.Result != Done {
		return errors.New("result " + string(out.Result) + ": " + out.Found)
	}
	return err
}

// whole is a rollout from its start to a rollback in the bake.
func whole(t *testing.T, w world, s *mlflowtest.Server, m *MLflow) {
	t.Helper()
	r := BeginRequest{Model: w.pairOf(t, s), RolloutID: rolloutID(), Candidate: "2"}
	var b Binding
	persist(t, "begin", func(ctx context.Context) (err error) { b, err = m.Begin(ctx, r); return err })
	persist(t, "promote", func(ctx context.Context) error { return wantDone(m.Promote(ctx, b)) })
	w.expect(t, s, r.Model, "1:Archived 2:Production")
	persist(t, "restore", func(ctx context.Context) error { return wantDone(m.Restore(ctx, b, "gate")) })
	w.expect(t, s, r.Model, "1:Production 2:Archived")
	persist(t, "annotate", func(ctx context.Context) error {
		return m.Annotate(ctx, b, map[string]string{"headgate.cause": "gate"}, []byte(`{"gate":"errors"}`))
	})
	persist(t, "finish", func(ctx context.Context) error { return m.Finish(ctx, b, StatusRolledBack) })
	if n := s.RolloutRuns(t, r.RolloutID); n != 1 {
		t.Errorf("%d runs for one rollout", n)
	}
	if id, err := m.Unfinished(t.Context(), r.Model); err != nil || id != "" {
		t.Errorf("unfinished = %q, %v", id, err)
	}
}

// Three calls in ten are lost on their way, or their answers are, or they are
// refused: the work is done all the same, once.
func TestLostCallsAndAnswers(t *testing.T) {
	cases := []struct {
		name         string
		call, answer mlflowtest.Fate
	}{
		{"lost on the way", mlflowtest.Lose, mlflowtest.Pass},
		{"answer lost", mlflowtest.Pass, mlflowtest.Lose},
		{"refused with 503", mlflowtest.Deny, mlflowtest.Pass},
	}
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		r := relay(t, s)
		m := w.client(t, r.URL)
		m.settle = 300 * time.Millisecond
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				r.OnCall(sometimes(c.call))
				r.OnAnswer(sometimes(c.answer))
				whole(t, w, s, m)
			})
		}
		t.Run("the answer of every change lost at first", func(t *testing.T) {
			r.OnCall(nil)
			r.OnAnswer(firstOfEach(mlflowtest.Lose))
			whole(t, w, s, m)
		})
	})
}

// sometimes is drawn from a fixed seed: a fixed rhythm could hit the same call
// of every repetition.
func sometimes(fate mlflowtest.Fate) func(mlflowtest.Call) mlflowtest.Fate {
	var mu sync.Mutex
	draw := rand.New(rand.NewPCG(3, 10))
	return func(mlflowtest.Call) mlflowtest.Fate {
		mu.Lock()
		defer mu.Unlock()
		if draw.IntN(10) < 3 {
			return fate
		}
		return mlflowtest.Pass
	}
}

// firstOfEach loses every other answer of each writing path, the first included.
func firstOfEach(fate mlflowtest.Fate) func(mlflowtest.Call) mlflowtest.Fate {
	var mu sync.Mutex
	seen := map[string]int{}
	return func(c mlflowtest.Call) mlflowtest.Fate {
		mu.Lock()
		defer mu.Unlock()
		seen[c.Path]++
		if c.Method != "GET" && seen[c.Path]%2 == 1 {
			return fate
		}
		return mlflowtest.Pass
	}
}

// The server is killed in the middle of a rollback and comes back with the same
// database; the repeated restoration finishes the work.
func TestServerKilledInARollback(t *testing.T) {
	for _, w := range []world{worlds[0], worlds[2]} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := mlflowtest.Start(t, w.line)
			r := relay(t, s)
			m := w.client(t, r.URL)
			for _, after := range []bool{false, true} {
				model := w.pairOf(t, s)
				b := w.begin(t, m, model)
				succeed(t, m.Promote, b, Done)
				restarted := make(chan error, 1)
				var once sync.Once
				kill := func(c mlflowtest.Call) mlflowtest.Fate {
					if changes(c) {
						once.Do(func() {
							s.Kill()
							go func() { restarted <- s.Start() }()
						})
					}
					return mlflowtest.Pass
				}
				if after {
					r.OnAnswer(kill)
				} else {
					r.OnCall(kill)
				}
				persist(t, "restore", func(ctx context.Context) error { return wantDone(m.Restore(ctx, b, "gate")) })
				if err := <-restarted; err != nil {
					t.Fatal(err)
				}
				r.OnCall(nil)
				r.OnAnswer(nil)
				w.expect(t, s, model, "1:Production 2:Archived")
				persist(t, "finish", func(ctx context.Context) error { return m.Finish(ctx, b, StatusRolledBack) })
			}
		})
	}
}
