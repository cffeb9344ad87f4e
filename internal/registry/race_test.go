package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

const raceRounds = 6

// Two rollouts of one model begin and promote at once, from two clients.
func TestTwoPromoters(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		clients := []*MLflow{w.client(t, s.URL), w.client(t, s.URL)}
		for round := range raceRounds {
			model := s.Model(t)
			for range 3 {
				s.Version(t, model)
			}
			w.put(t, s, model, "1", StageProduction)
			var errs [2]error
			var done [2]bool
			both(func(i int) {
				b, err := clients[i].Begin(context.Background(), BeginRequest{Model: model, RolloutID: fmt.Sprintf("race-%d-%d", round, i), Candidate: fmt.Sprint(2 + i)})
				if errs[i] = err; err != nil {
					return
				}
				out, err := clients[i].Promote(context.Background(), b)
				errs[i], done[i] = err, out.Result == Done
			})
			winner := 0
			if done[1] {
				winner = 1
			}
			if !done[winner] || errs[winner] != nil || !errors.Is(errs[1-winner], ErrRolloutRunning) {
				t.Fatalf("round %d: promoted %v, errors %v: want exactly one promoted and one refused", round, done, errs)
			}
			want := []string{"1:Archived 2:Production 3:None", "1:Archived 2:None 3:Production"}[winner]
			w.expect(t, s, model, want)
			if tag := s.Tags(t, model, fmt.Sprint(3-winner))[tagRollout]; tag != "" {
				t.Errorf("round %d: the refused candidate is still marked by %s", round, tag)
			}
		}
	})
}

// Two replicas promote the same rollout at once.
func TestTwoReplicas(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		clients := []*MLflow{w.client(t, s.URL), w.client(t, s.URL)}
		for round := range raceRounds {
			model := w.pairOf(t, s)
			b := w.begin(t, clients[0], model)
			var outs [2]Outcome
			var errs [2]error
			both(func(i int) { outs[i], errs[i] = clients[i].Promote(context.Background(), b) })
			if errs[0] != nil || errs[1] != nil || outs[0].Result != Done || outs[1].Result != Done {
				t.Fatalf("round %d: %v %v", round, outs, errs)
			}
			w.expect(t, s, model, "1:Archived 2:Production")
		}
	})
}

// A rollback always wins against a promotion of the same rollout.
func TestPromotionAgainstRollback(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		clients := []*MLflow{w.client(t, s.URL), w.client(t, s.URL)}
		for round := range raceRounds {
			model := w.pairOf(t, s)
			b := w.begin(t, clients[0], model)
			var outs [2]Outcome
			var errs [2]error
			both(func(i int) {
				if i == 0 {
					outs[i], errs[i] = clients[i].Promote(context.Background(), b)
					return
				}
				time.Sleep(time.Duration(round) * 50 * time.Millisecond) // from the first call of the promotion to its last
				outs[i], errs[i] = clients[i].Restore(context.Background(), b, "gate")
			})
			if errs[0] != nil || errs[1] != nil || outs[1].Result != Done || outs[0].Result == Conflicted {
				t.Fatalf("round %d: promotion %+v, rollback %+v, errors %v", round, outs[0], outs[1], errs)
			}
			w.expect(t, s, model, "1:Production 2:Archived")
		}
	})
}

func both(do func(i int)) {
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

func relay(t *testing.T, s *mlflowtest.Server) *mlflowtest.Relay {
	t.Helper()
	r, err := mlflowtest.NewRelay(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// changes reports calls that move a stage or an alias.
func changes(c mlflowtest.Call) bool {
	return strings.HasSuffix(c.Path, "/transition-stage") || strings.HasSuffix(c.Path, "/alias") && c.Method != "GET"
}

// The rollback comes and goes between the promoter's last look and its write.
func TestPromotionThatWritesAfterTheRollback(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		r, direct := relay(t, s), w.client(t, s.URL)
		direct.settle = 100 * time.Millisecond
		promoter := w.client(t, r.URL)
		b := w.begin(t, direct, w.pairOf(t, s))
		var once sync.Once
		r.OnCall(func(c mlflowtest.Call) mlflowtest.Fate {
			if changes(c) {
				once.Do(func() { succeed(t, restoring(direct), b, Done) })
			}
			return mlflowtest.Pass
		})
		succeed(t, promoter.Promote, b, Superseded)
		w.expect(t, s, b.Model, "1:Production 2:Archived")
	})
}

// The promoter dies in its write, and MLflow carries that out only after the
// rollback had read everything back.
func TestRollbackWatchesForALateWrite(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		r, direct := relay(t, s), w.client(t, s.URL)
		promoter := w.client(t, r.URL)
		b := w.begin(t, direct, w.pairOf(t, s))
		ctx, cancel := context.WithCancel(t.Context())
		r.OnCall(func(c mlflowtest.Call) mlflowtest.Fate {
			if !changes(c) {
				return mlflowtest.Pass
			}
			cancel()
			return mlflowtest.Lose
		})
		if out, err := promoter.Promote(ctx, b); err == nil {
			t.Fatalf("a promotion that was killed ended with %+v", out)
		}
		late := make(chan error, 1)
		go func() {
			time.Sleep(1200 * time.Millisecond)
			late <- direct.raise(context.Background(), opPromote, b.Model, b.Candidate)
		}()
		succeed(t, restoring(direct), b, Done)
		if err := <-late; err != nil {
			t.Fatal(err)
		}
		w.expect(t, s, b.Model, "1:Production 2:Archived")
		if got := s.RunState(t, b.RunID).Tags[runTagPromoting]; got != "no" {
			t.Errorf("promoting = %q after the watch", got)
		}
	})
}

// A person promotes a third version between the promoter's write and its look.
func TestPromotionYieldsToAPerson(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *mlflowtest.Server) {
		r, direct := relay(t, s), w.client(t, s.URL)
		promoter := w.client(t, r.URL)
		model := w.pairOf(t, s)
		s.Version(t, model)
		b := w.begin(t, direct, model)
		var once sync.Once
		r.OnAnswer(func(c mlflowtest.Call) mlflowtest.Fate {
			if changes(c) {
				once.Do(func() { w.put(t, s, model, "3", StageProduction) })
			}
			return mlflowtest.Pass
		})
		out := succeed(t, promoter.Promote, b, Conflicted)
		if !strings.Contains(out.Found, "version 3 is in Production") {
			t.Errorf("found %q", out.Found)
		}
		want := "1:Archived 2:Staging 3:Production"
		if w.mode == ModeAliases {
			want = "1:None 2:Staging 3:Production"
		}
		w.expect(t, s, model, want)
	})
}
