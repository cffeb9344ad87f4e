package rollback

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/rollout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is everything outside of the executor: it counts calls, fails those it
// is told to fail and can stop the process at any call.
type world struct {
	mu     sync.Mutex
	calls  []string
	fail   map[string]int // how many more calls of that name fail
	stopAt int            // cancel the context at the n-th call; 0 = never
	cancel context.CancelFunc
	slow   time.Duration // before each answer of the registry
	result string
	kept   []Incident
	onKeep func()
	serves string
	events []rollout.Event
}

func (w *world) call(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, name)
	if len(w.calls) == w.stopAt {
		w.cancel()
		return context.Canceled
	}
	if w.fail[name] > 0 {
		w.fail[name]--
		return errors.New(name + " failed")
	}
	return nil
}

func (w *world) Restore(context.Context, rollout.Binding, string) (rollout.Outcome, error) {
	time.Sleep(w.slow)
	return rollout.Outcome{Result: w.result, Found: "version 1 in Production"}, w.call("restore")
}
func (w *world) Annotate(context.Context, rollout.Binding, Incident) error { return w.call("annotate") }
func (w *world) Finish(context.Context, rollout.Binding, string) error     { return w.call("finish") }
func (w *world) Tell(context.Context, string, Incident) error              { return w.call("tell") }
func (w *world) Keep(_ context.Context, _ string, in Incident) error {
	if err := w.call("keep"); err != nil {
		return err
	}
	w.kept = append(w.kept, in)
	if w.onKeep != nil {
		w.onKeep()
	}
	return nil
}
func (w *world) Reload(_ context.Context, _, version string, _ rollout.AfterPromote) error {
	if err := w.call("reload"); err != nil {
		return err
	}
	w.serves = version
	return nil
}

func (w *world) executor() *Executor {
	return &Executor{
		Log: hclog.NewNullLogger(), Clock: time.Now, Registry: w, Reloader: w, Desk: w,
		Serves: func(_, version string) bool { return w.serves == version },
	}
}

func order() rollout.State {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bad, good := 0.5, 0.01
	gate := judge.GateVerdict{Name: "errors", RollbackWhen: "error_rate > baseline", Candidate: &bad, Baseline: &good, N: judge.ArmCounts{Baseline: 90, Candidate: 10}, Fail: &judge.Evidence{E: 240, Limit: 100}}
	return rollout.State{
		Model: "m", ID: "r1", Phase: rollout.RollingBack, Baseline: "1", Candidate: "2", Binding: rollout.Binding{Mode: "stages", RunID: "x"},
		Order: &rollout.Order{ID: "r1", Cause: rollout.CauseGate, By: "gate errors", Reason: "it fails", DecidedAt: at, TrafficAt: &at, RecordedAt: &at, Phase: rollout.Progressing, Weight: 1000, Gate: &gate},
	}
}

// execute runs the order as one process would and applies what it reports as
// the controller does.
func execute(ctx context.Context, w *world, s rollout.State) rollout.State {
	w.executor().Execute(ctx, rollout.Job{State: s, Hook: &rollout.AfterPromote{Reload: "POST /reload"}}, func(e rollout.Event) {
		w.events = append(w.events, e)
		next, _, err := rollout.Decide(s, e, time.Now())
		if err != nil {
			panic(err)
		}
		s = next
	})
	return s
}

func newWorld() *world {
	return &world{fail: map[string]int{}, result: rollout.ResultDone, serves: "2"}
}

func TestOrderOfSteps(t *testing.T) {
	w := newWorld()
	s := execute(t.Context(), w, order())
	if want := []string{"restore", "annotate", "finish", "keep", "tell"}; !slices.Equal(w.calls, want) {
		t.Errorf("calls %v, want %v", w.calls, want)
	}
	if s.Phase != rollout.RolledBack || s.Order.RegistryAt == nil || s.Order.IncidentAt == nil || s.Order.MessagesAt == nil {
		t.Errorf("ended as %s with %+v", s.Phase, s.Order)
	}
}

// TestStoppedAtEveryCall stops the process at each call in turn and lets another
// one go on from the state: all is done in the end, nothing is left out.
func TestStoppedAtEveryCall(t *testing.T) {
	for n := 1; n <= 5; n++ {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.stopAt, w.cancel = n, cancel
		s := execute(ctx, w, order())
		cancel()
		if s.Phase == rollout.RolledBack && s.Order.MessagesAt != nil {
			t.Fatalf("stopped at call %d and done all the same", n)
		}
		w.stopAt = 0
		s = execute(t.Context(), w, s)
		if s.Phase != rollout.RolledBack || s.Order.MessagesAt == nil || s.Order.Result != rollout.ResultDone {
			t.Errorf("stopped at call %d: ended as %s %+v", n, s.Phase, s.Order)
		}
		for _, step := range []string{"restore", "finish", "keep", "tell"} {
			if !slices.Contains(w.calls, step) {
				t.Errorf("stopped at call %d: %s never done: %v", n, step, w.calls)
			}
		}
	}
}

func TestRegistryThatIsAwayIsOwedAndThePeopleToldEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.fail["restore"] = 6
		s := execute(t.Context(), w, order())
		if s.Phase != rollout.RolledBack {
			t.Fatalf("ended as %s", s.Phase)
		}
		if len(w.kept) != 2 || w.kept[0].Registry.Result != "pending" || w.kept[1].Registry.Result != rollout.ResultDone {
			t.Errorf("incidents kept: %+v", w.kept)
		}
		if tells := len(slices.DeleteFunc(slices.Clone(w.calls), func(c string) bool { return c != "tell" })); tells != 2 {
			t.Errorf("people were told %d times, want early and in the end", tells)
		}
		if w.kept[0].ID != w.kept[1].ID {
			t.Error("two incidents instead of one that is brought up to date")
		}
		if _, ok := w.events[0].(rollout.RegistryFailed); !ok {
			t.Errorf("first event %T, want what is owed", w.events[0])
		}
	})
}

func TestRegistryThatIsSlowDelaysNoTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.slow = 25 * time.Second
		began := time.Now()
		var ticketAt time.Duration
		w.onKeep = func() { ticketAt = cmp.Or(ticketAt, time.Since(began)) }
		execute(t.Context(), w, order())
		if ticketAt != incidentPatience {
			t.Errorf("the ticket came after %s", ticketAt)
		}
		if len(w.kept) != 2 || w.kept[0].Registry.Result != "pending" || w.kept[1].Registry.Result != rollout.ResultDone {
			t.Errorf("incidents kept: %+v", w.kept)
		}
	})
}

func TestRegistryFirstBringsTheBaselineBackBeforeTraffic(t *testing.T) {
	w := newWorld()
	s := order()
	s.Order.RegistryFirst, s.Order.TrafficAt = true, nil
	s = execute(t.Context(), w, s)
	if want := []string{"restore", "reload", "annotate", "finish", "keep", "tell"}; !slices.Equal(w.calls, want) {
		t.Errorf("calls %v, want %v", w.calls, want)
	}
	if !s.Order.Restored || w.kept[0].Times.TrafficOffAt == nil {
		t.Errorf("restored %v, traffic off %v", s.Order.Restored, w.kept[0].Times.TrafficOffAt)
	}
}

func TestAPersonsChangeEndsTheRollbackAsAConflict(t *testing.T) {
	w := newWorld()
	w.result = rollout.ResultConflict
	s := execute(t.Context(), w, order())
	if s.Phase != rollout.RolledBack || s.Order.Result != rollout.ResultConflict {
		t.Errorf("ended as %s, %s", s.Phase, s.Order.Result)
	}
}

func TestEvidenceThatCannotBeLeftHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.fail["annotate"] = 100
		if s := execute(t.Context(), w, order()); s.Phase != rollout.RolledBack {
			t.Errorf("ended as %s", s.Phase)
		}
	})
}

func TestIncidentSaysEverything(t *testing.T) {
	w := newWorld()
	execute(t.Context(), w, order())
	var in map[string]any
	if err := json.Unmarshal(w.kept[0].JSON(), &in); err != nil {
		t.Fatal(err)
	}
	gate, ok := in["gate"].(map[string]any)
	if !ok || gate["name"] != "errors" || gate["candidate"] != 0.5 || gate["baseline"] != 0.01 || gate["fail"] == nil || gate["n"] == nil {
		t.Errorf("gate %v", in["gate"])
	}
	times, ok := in["times"].(map[string]any)
	for _, key := range []string{"decided_at", "traffic_off_at", "recorded_at", "registry_at", "incident_at"} {
		if !ok || times[key] == nil {
			t.Errorf("times.%s is missing", key)
		}
	}
	ticket := w.kept[0].Ticket()
	for _, want := range []string{"version 2 of m was taken back", "error_rate > baseline", "(n=10)", "limit 100", "traffic off the candidate"} {
		if !strings.Contains(ticket, want) {
			t.Errorf("the ticket does not say %q:\n%s", want, ticket)
		}
	}
}
