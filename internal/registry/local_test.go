package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// memory is a Store with compare-and-set.
type memory struct {
	mu      sync.Mutex
	state   []byte
	rev     uint64
	records []json.RawMessage
}

func (m *memory) Load(context.Context, string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state, m.rev, nil
}

func (m *memory) Commit(_ context.Context, _ string, rev uint64, state []byte, records ...json.RawMessage) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rev != m.rev {
		return 0, errors.New("conflict")
	}
	m.state, m.records = state, append(m.records, records...)
	m.rev++
	return m.rev, nil
}

func sprint(v any) string { return fmt.Sprint(v) }

func shelf(t *testing.T) (*Local, *memory) {
	t.Helper()
	store := &memory{}
	l := NewLocal(store, Options{})
	for _, v := range []string{"1", "2", "10"} {
		if err := l.Observe(t.Context(), "churn", v); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.TransitionStage(t.Context(), "churn", "1", "production"); err != nil {
		t.Fatal(err)
	}
	return l, store
}

func (l *Local) stands(t *testing.T) string {
	t.Helper()
	vs, err := l.Versions(t.Context(), "churn")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range vs {
		out = append(out, v.Version+":"+v.Stage)
	}
	return strings.Join(out, " ")
}

func TestLocalRollouts(t *testing.T) {
	l, store := shelf(t)
	ctx := t.Context()
	r := BeginRequest{Model: "churn", RolloutID: "a", Candidate: "2"}
	b, err := l.Begin(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := l.Begin(ctx, r); err != nil || again != b {
		t.Errorf("a second Begin: %+v, %v", again, err)
	}
	if _, err := l.Begin(ctx, BeginRequest{Model: "churn", RolloutID: "b", Candidate: "10"}); !errors.Is(err, ErrRolloutRunning) {
		t.Errorf("another rollout: %v", err)
	}
	if _, err := l.TransitionStage(ctx, "churn", "10", "Production"); !errors.Is(err, ErrRolloutRunning) {
		t.Errorf("Production while a rollout runs: %v", err)
	}
	if got, ok, err := l.Recover(ctx, "churn"); err != nil || !ok || got != b {
		t.Errorf("recovered %+v, %v, %v", got, ok, err)
	}
	for range 2 {
		succeed(t, l.Promote, b, Done)
	}
	if got := l.stands(t); got != "1:Archived 2:Production 10:None" {
		t.Errorf("promoted: %s", got)
	}
	back := func(ctx context.Context, b Binding) (Outcome, error) { return l.Restore(ctx, b, "gate") }
	for range 2 {
		succeed(t, back, b, Done)
	}
	succeed(t, l.Promote, b, Superseded)
	if got := l.stands(t); got != "1:Production 2:Archived 10:None" {
		t.Errorf("restored: %s", got)
	}
	if err := l.Annotate(ctx, b, map[string]string{"headgate.cause": "gate"}, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Finish(ctx, b, StatusRolledBack); err != nil {
			t.Fatal(err)
		}
	}
	if id, err := l.Unfinished(ctx, "churn"); err != nil || id != "" {
		t.Errorf("unfinished %q, %v", id, err)
	}
	v, err := l.Version(ctx, "churn", "2")
	if err != nil || v.Tags[tagRolledBack] != "a" || v.Tags["headgate.cause"] != "gate" {
		t.Errorf("version %+v, %v", v, err)
	}
	if _, err := l.Begin(ctx, BeginRequest{Model: "churn", RolloutID: "c", Candidate: "2"}); kindOf(err) != Refused {
		t.Errorf("a version that was rolled back: %v", err)
	}
	if n := len(store.records); n != 8 {
		t.Errorf("%d records, want 3 of new versions and 5 of stages: %s", n, store.records)
	}
}

func TestLocalLeavesAPersonsChange(t *testing.T) {
	l, _ := shelf(t)
	b, err := l.Begin(t.Context(), BeginRequest{Model: "churn", RolloutID: "a", Candidate: "2"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.TransitionStage(t.Context(), "churn", "1", "archived"); err != nil {
		t.Fatal(err)
	}
	succeed(t, l.Promote, b, Conflicted)
	succeed(t, func(ctx context.Context, b Binding) (Outcome, error) { return l.Restore(ctx, b, "gate") }, b, Conflicted)
	if got := l.stands(t); got != "1:Archived 2:None 10:None" {
		t.Errorf("changed: %s", got)
	}
}

func TestLocalDesk(t *testing.T) {
	l, _ := shelf(t)
	v, err := l.Register(t.Context(), "churn", "s3://x", "run")
	if err != nil || v.Version != "11" || v.Source != "s3://x" || v.RunID != "run" {
		t.Errorf("registered %+v, %v", v, err)
	}
	for _, c := range []struct {
		model, version, stage string
		kind                  Kind
	}{{"other", "1", "Staging", UnknownModel}, {"churn", "5", "Staging", UnknownVersion}, {"churn", "1", "Live", UnknownStage}} {
		if _, err := l.TransitionStage(t.Context(), c.model, c.version, c.stage); kindOf(err) != c.kind {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if got := words(l.Diagnose(t.Context(), []string{"churn", "other"})); !strings.Contains(got, `version 1 of 4 is in Production`) || !strings.Contains(got, `warn model "other" has no version yet`) {
		t.Errorf("findings %s", got)
	}
}

func TestLocalWritersAtOnce(t *testing.T) {
	l, store := shelf(t)
	locals := []*Local{l, NewLocal(store, Options{})} // as two processes
	both(func(i int) {
		for n := range 20 {
			if err := locals[i].Observe(context.Background(), "churn", fmt.Sprintf("%d", 100+2*n+i)); err != nil {
				t.Error(err)
			}
		}
	})
	if vs, err := l.Versions(t.Context(), "churn"); err != nil || len(vs) != 43 {
		t.Errorf("%d versions, %v", len(vs), err)
	}
}
