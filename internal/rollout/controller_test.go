package rollout

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledger is a journal in memory that survives a controller, as a disk does;
// calls is the order in which traffic and journal were touched.
type ledger struct {
	mu       sync.Mutex
	state    []byte
	rev      uint64
	records  []string
	evidence [][]byte
	fail     error
	// lostAnswers is how many writes are made and answered with an error.
	lostAnswers int
	calls       []string
}

func (l *ledger) Load(context.Context, string) ([]byte, uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.rev, nil
}

func (l *ledger) Commit(_ context.Context, _ string, rev uint64, state []byte, records ...json.RawMessage) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return 0, l.fail
	}
	if rev != l.rev {
		return 0, errors.New("conflict")
	}
	l.state, l.rev = bytes.Clone(state), l.rev+1
	for _, r := range records {
		l.records = append(l.records, string(r))
	}
	l.calls = append(l.calls, "commit")
	if l.lostAnswers > 0 {
		l.lostAnswers--
		return 0, errors.New("no answer")
	}
	return l.rev, nil
}

func (l *ledger) AppendEvidence(_ context.Context, _ string, _ uint64, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.evidence = append(l.evidence, bytes.Clone(data))
	return nil
}

func (l *ledger) Evidence(_ context.Context, _ string, fn func(uint64, []byte) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, data := range l.evidence {
		if err := fn(uint64(i+1), data); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) breakWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// road is traffic in memory: what was assigned, and a health that tests set.
type road struct {
	mu     sync.Mutex
	last   Assignment
	health Health
	ledger *ledger
}

func (r *road) Assign(_ string, a Assignment) {
	r.mu.Lock()
	r.last = a
	r.health = r.health.inRole(a.Colours)
	serving := r.health.Baseline.Version
	r.mu.Unlock()
	r.ledger.mu.Lock()
	r.ledger.calls = append(r.ledger.calls, "assign "+a.Split.Weight().String(), "serving "+serving)
	r.ledger.mu.Unlock()
}

func (r *road) Health(string) Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.health
}

func (r *road) now() Assignment {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// shelf is a registry that knows versions 1 (Production) and 2.
type shelf struct{}

func (shelf) Mode() string                                               { return "local" }
func (shelf) Baseline(context.Context, string) (string, error)           { return "1", nil }
func (shelf) Unfinished(context.Context, string) (string, error)         { return "", nil }
func (shelf) Recover(context.Context, string) (Binding, bool, error)     { return Binding{}, false, nil }
func (shelf) Finish(context.Context, Binding, string) error              { return nil }
func (shelf) Reload(context.Context, string, string, AfterPromote) error { return nil }
func (shelf) Raise(_, _ string, _ RaiseIncident, _ View)                 {}
func (shelf) Begin(_ context.Context, s State) (Binding, error)          { return s.Binding, nil }
func (shelf) Promote(context.Context, Binding) (Outcome, error) {
	return Outcome{Result: ResultDone}, nil
}
func (shelf) Candidate(_ context.Context, _, v string) (Candidate, error) {
	if v != "1" && v != "2" {
		return Candidate{}, &Refusal{Code: UnknownVersion, Message: "no version " + v}
	}
	return Candidate{Version: v, Stage: "Staging"}, nil
}

// Execute does in no time what the executor takes its time for.
func (shelf) Execute(_ context.Context, _ Job, report func(Event)) {
	at := noon
	report(Progress{Outcome: &Outcome{Result: ResultDone}, RegistryAt: &at, IncidentAt: &at, MessagesAt: &at, Finished: true})
}

type bench struct {
	ledger *ledger
	road   *road
	ctl    *Controller
	stop   func()
}

func newBench(t *testing.T) *bench {
	l := &ledger{}
	b := &bench{ledger: l, road: &road{ledger: l, health: healthy()}}
	b.boot(t)
	return b
}

// boot makes a controller on what the ledger holds, as a new process would.
func (b *bench) boot(t *testing.T) {
	t.Helper()
	b.ctl = NewController("m", testPolicy(), "hash", Deps{
		Log: hclog.NewNullLogger(), Clock: time.Now, Random: rand.Reader, Journal: b.ledger, Traffic: b.road,
		Registry: shelf{}, Reloader: shelf{}, Executor: shelf{}, Incidents: shelf{},
	})
	if err := b.ctl.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.ctl.Run(ctx) }()
	var once sync.Once
	b.stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(b.stop)
}

func (b *bench) do(t *testing.T, c Command) View {
	t.Helper()
	v, err := b.ctl.Do(t.Context(), c)
	if err != nil {
		t.Fatalf("%s: %v", c.Kind, err)
	}
	return v
}

func (b *bench) await(t *testing.T, what string, ok func(View) bool) View {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if v := b.ctl.View(); ok(v) {
			return v
		}
	}
	v := b.ctl.View()
	t.Fatalf("%s did not happen: %s(%s) at %s", what, v.Phase, v.Reason, v.Weight)
	return v
}

func record(r *kpi.Recorder, arm int, n int, failed bool) {
	for range n {
		r.Record(arm, kpi.Sample{Latency: 10 * time.Millisecond, Failed: failed})
	}
}

func TestMoreTrafficIsWrittenFirstLessIsAppliedFirst(t *testing.T) {
	b := newBench(t)
	b.do(t, Command{Kind: Start, Version: "2"})
	b.do(t, Command{Kind: Rollback, Reason: "enough"})
	b.ledger.mu.Lock()
	calls := b.ledger.calls
	b.ledger.mu.Unlock()
	up, off := index(calls, "assign 10%"), -1
	for i := up + 1; i < len(calls); i++ {
		if calls[i] == "assign 0%" {
			off = i
			break
		}
	}
	if up < 1 || calls[up-1] != "commit" {
		t.Errorf("weight went up before it was written: %v", calls)
	}
	if off < 0 || index(calls[off:], "commit") < 0 || index(calls[up:off], "commit") >= 0 {
		t.Errorf("the rollback was written before traffic was off: %v", calls)
	}
}

func TestJournalLostFreezesTheWeightAndKeepsTheWayBack(t *testing.T) {
	b := newBench(t)
	b.do(t, Command{Kind: Start, Version: "2"})
	b.ledger.breakWith(errors.New("no space left on device"))
	if _, err := b.ctl.Do(t.Context(), Command{Kind: Advance}); err == nil {
		t.Error("advanced without a journal")
	}
	if w := b.road.now().Split.Weight(); w != 1000 {
		t.Errorf("weight %s after an advance that could not be written, want 10%%", w)
	}
	b.do(t, Command{Kind: Rollback, Reason: "enough"})
	if w := b.road.now().Split.Weight(); w != 0 {
		t.Errorf("weight %s after a rollback without a journal, want 0%%", w)
	}
	b.await(t, "rolled back in memory", func(v View) bool { return v.Phase == RolledBack })
	b.ledger.breakWith(nil)
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		b.ledger.mu.Lock()
		written := bytes.Contains(b.ledger.state, []byte(`"phase":"rolled_back"`)) && len(b.ledger.records) >= 4
		b.ledger.mu.Unlock()
		if written {
			return
		}
		if time.Now().After(end) {
			t.Fatal("state and records were not written when there was space again")
		}
	}
}

func TestFailingCandidateIsTakenBackAndStaysBackAfterARestart(t *testing.T) {
	b := newBench(t)
	b.do(t, Command{Kind: Start, Version: "2"})
	r := b.road.now().Recorder
	b.await(t, "counting", func(View) bool {
		record(r, kpi.Baseline, 5, false)
		record(r, kpi.Candidate, 2, true)
		return b.ctl.View().Phase == RolledBack
	})
	v := b.ctl.View()
	if v.Cause != CauseGate || v.Weight != 0 || v.Rollback == nil || v.Rollback.TrafficAt == nil || v.Rollback.RecordedAt == nil {
		t.Errorf("cause %s weight %s rollback %+v", v.Cause, v.Weight, v.Rollback)
	}
	b.stop()
	b.boot(t)
	if v := b.ctl.View(); v.Phase != RolledBack || b.road.now().Split.Weight() != 0 {
		t.Errorf("after the restart: %s at %s", v.Phase, b.road.now().Split.Weight())
	}
}

func TestRestartGoesOnWhereItStood(t *testing.T) {
	b := newBench(t)
	b.do(t, Command{Kind: Start, Version: "2"})
	r := b.road.now().Recorder
	b.await(t, "two strata", func(View) bool {
		record(r, kpi.Baseline, 5, false)
		record(r, kpi.Candidate, 5, false)
		b.ledger.mu.Lock()
		defer b.ledger.mu.Unlock()
		return len(b.ledger.evidence) >= 2
	})
	b.stop()
	before := b.ctl.View()
	b.road.mu.Lock()
	b.road.health.Candidate = down()
	b.road.mu.Unlock()
	b.boot(t)
	if v := b.ctl.View(); v.Phase != Paused || v.Reason != ReasonRestarted || b.road.now().Split.Weight() != 0 {
		t.Fatalf("right after the restart: %s(%s) at %s", v.Phase, v.Reason, v.Weight)
	}
	b.road.mu.Lock()
	b.road.health = healthy()
	b.road.mu.Unlock()
	after := b.await(t, "weight regained", func(v View) bool { return v.Phase == Progressing && v.Weight == 1000 })
	if after.ID != before.ID || len(after.Gates) == 0 || after.Gates[0].N.Candidate < before.Gates[0].N.Candidate {
		t.Errorf("evidence before %+v, after %+v", before.Gates, after.Gates)
	}
}

func TestCutEvidenceWaitsForAPerson(t *testing.T) {
	b := newBench(t)
	b.do(t, Command{Kind: Start, Version: "2"})
	r := b.road.now().Recorder
	b.await(t, "three strata", func(View) bool {
		record(r, kpi.Baseline, 5, false)
		record(r, kpi.Candidate, 5, false)
		b.ledger.mu.Lock()
		defer b.ledger.mu.Unlock()
		return len(b.ledger.evidence) >= 3
	})
	b.stop()
	b.ledger.evidence = nil
	b.boot(t)
	if v := b.ctl.View(); v.Reason != ReasonEvidenceLost || b.road.now().Split.Weight() != 0 {
		t.Errorf("with the evidence cut: %s(%s)", v.Phase, v.Reason)
	}
	v := b.do(t, Command{Kind: Resume, Reason: "I looked"})
	if v.Phase != Progressing || v.Weight != canary.Weight(1000) {
		t.Errorf("resumed by hand: %s at %s", v.Phase, v.Weight)
	}
}

func TestStartIsRefused(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		command Command
		health  Health
		code    Code
	}{
		"no version":               {Command{Kind: Start}, healthy(), Invalid},
		"unknown version":          {Command{Kind: Start, Version: "77"}, healthy(), UnknownVersion},
		"the baseline itself":      {Command{Kind: Start, Version: "1"}, healthy(), Refused},
		"candidate serves another": {Command{Kind: Start, Version: "2"}, Health{Baseline: arm("1"), Candidate: arm("3")}, Refused},
		"baseline is down":         {Command{Kind: Start, Version: "2"}, Health{Baseline: down(), Candidate: arm("2")}, Refused},
		"cannot be verified":       {Command{Kind: Start, Version: "2"}, Health{Baseline: arm("1"), Candidate: ArmHealth{Up: 1, Total: 1}}, Refused},
	} {
		b.road.mu.Lock()
		b.road.health = c.health
		b.road.mu.Unlock()
		_, err := b.ctl.Do(t.Context(), c.command)
		t.Log(name)
		wantRefusal(t, err, c.code)
		if v := b.ctl.View(); v.Phase != None {
			t.Fatalf("%s: phase %s after a refused start", name, v.Phase)
		}
	}
}

func index(list []string, want string) int {
	for i, s := range list {
		if s == want {
			return i
		}
	}
	return -1
}

func TestAWriteThatFailedAndWasMadeIsNotMadeTwice(t *testing.T) {
	b := newBench(t)
	b.do(t, Command{Kind: Start, Version: "2"})
	b.ledger.mu.Lock()
	b.ledger.lostAnswers = 1
	b.ledger.mu.Unlock()
	b.do(t, Command{Kind: Rollback, Reason: "enough"})
	b.await(t, "rolled back", func(v View) bool { return v.Phase == RolledBack })
	b.stop()
	b.ledger.mu.Lock()
	defer b.ledger.mu.Unlock()
	rolling := 0
	for _, r := range b.ledger.records {
		if bytes.Contains([]byte(r), []byte(`"kind":"rolling_back"`)) {
			rolling++
		}
	}
	if rolling != 1 || !bytes.Contains(b.ledger.state, []byte(`"phase":"rolled_back"`)) {
		t.Errorf("the decision is recorded %d times, want once; state %s", rolling, b.ledger.state)
	}
}
