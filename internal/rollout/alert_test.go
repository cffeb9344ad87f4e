package rollout

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/alerts"
)

// alarmed is a bench with a rollout whose policy has rules for alerts.
func alarmed(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.ctl.SetPolicy(alertPolicy(), "hash")
	b.do(t, Command{Kind: Start, Version: "2"})
	return b
}

func now(severity string) alerts.Alert {
	a := firing(severity)
	a.StartsAt = time.Now()
	return a
}

func (b *bench) alert(t *testing.T, list ...alerts.Alert) []AlertDecision {
	t.Helper()
	out, err := b.ctl.Alert(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// journal counts the lines of one kind.
func (b *bench) journal(kind string) (n int) {
	b.ledger.mu.Lock()
	defer b.ledger.mu.Unlock()
	for _, line := range b.ledger.records {
		if strings.Contains(line, `"kind":"`+kind+`"`) {
			n++
		}
	}
	return n
}

func TestManySendersOneDecision(t *testing.T) {
	b := alarmed(t)
	a := now("critical")
	var wait sync.WaitGroup
	var mu sync.Mutex
	counted := map[alerts.Decision]int{}
	for range 32 {
		wait.Go(func() {
			for range 20 {
				out, err := b.ctl.Alert(t.Context(), []alerts.Alert{a, a})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				counted[out[0].Decision]++
				counted[out[1].Decision]++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if counted[alerts.RolledBack] != 1 || counted[alerts.Duplicate] != 32*20*2-1 {
		t.Errorf("%v", counted)
	}
	if n, back := b.journal("alert"), b.journal("rolling_back"); n != 1 || back != 1 {
		t.Errorf("%d records of alerts, %d of rollbacks", n, back)
	}
	if w := b.road.now().Split.Weight(); w != 0 {
		t.Errorf("weight %s", w)
	}
}

func TestDecisionsAboutAlertsSurviveARestart(t *testing.T) {
	b := alarmed(t)
	stop, tell, other := now("warning"), now("info"), now("none")
	b.alert(t, stop, tell, other)
	b.stop()
	b.boot(t)
	for _, x := range b.alert(t, stop, tell, other) {
		if x.Decision != alerts.Duplicate {
			t.Errorf("after the restart %s: %s", x.Decision, x.Reason)
		}
	}
	if n := b.journal("alert"); n != 3 {
		t.Errorf("%d records, want 3", n)
	}
}

func TestAlertsWithoutARollout(t *testing.T) {
	b := newBench(t)
	if x := b.alert(t, now("critical"))[0]; x.Decision != alerts.Ignored || !strings.Contains(x.Reason, "no rollout") {
		t.Errorf("%s: %s", x.Decision, x.Reason)
	}
	b.ctl.SetPolicy(alertPolicy(), "hash")
	b.do(t, Command{Kind: Start, Version: "2"})
	b.do(t, Command{Kind: Rollback, Reason: "enough"})
	b.await(t, "the end", func(v View) bool { return v.Phase == RolledBack })
	if x := b.alert(t, now("critical"))[0]; x.Decision != alerts.Ignored || !strings.Contains(x.Reason, "is over (rolled_back)") {
		t.Errorf("%s: %s", x.Decision, x.Reason)
	}
	if n := b.journal("alert"); n != 0 {
		t.Errorf("%d records about no live rollout", n)
	}
}

// A decision that is not in the journal is made, and asked for again.
func TestAlertWithoutAJournal(t *testing.T) {
	b := alarmed(t)
	b.ledger.breakWith(errors.New("no space left on device"))
	a := now("critical")
	for range 2 {
		if _, err := b.ctl.Alert(t.Context(), []alerts.Alert{a}); !errors.Is(err, ErrUnwritten) {
			t.Errorf("got %v, want that it is not written", err)
		}
	}
	if w := b.road.now().Split.Weight(); w != 0 {
		t.Errorf("weight %s: users do not wait for a disk", w)
	}
	b.ledger.breakWith(nil)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if out, err := b.ctl.Alert(t.Context(), []alerts.Alert{a}); err == nil {
			if out[0].Decision != alerts.Duplicate || b.journal("alert") != 1 {
				t.Errorf("%s, %d records", out[0].Decision, b.journal("alert"))
			}
			return
		}
	}
	t.Error("still not written")
}

func TestFullBookAnswersWithoutTheController(t *testing.T) {
	b := alarmed(t)
	for i := range passiveKept {
		b.alert(t, firingAt("none", i))
	}
	generation := b.ctl.View().Generation
	if x := b.alert(t, firingAt("none", passiveKept))[0]; x.Decision != alerts.Ignored || x.Reason == "" {
		t.Errorf("%+v", x)
	}
	if got := b.ctl.View().Generation; got != generation || b.journal("alert") != passiveKept {
		t.Errorf("generation %d after %d, %d records", got, generation, b.journal("alert"))
	}
	if x := b.alert(t, now("critical"))[0]; x.Decision != alerts.RolledBack {
		t.Errorf("%s: %s", x.Decision, x.Reason)
	}
}

func firingAt(severity string, i int) alerts.Alert {
	a := now(severity)
	a.StartsAt = a.StartsAt.Add(time.Duration(i) * time.Second)
	return a
}
