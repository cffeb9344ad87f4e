package judge

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// feed drives a judge with strata of one second.
type feed struct {
	t      *testing.T
	judge  *Judge
	layout *kpi.Layout
	seq    uint64
	step   int
	now    time.Duration
	alone  bool
}

// arm is what one arm does in a stratum.
type arm struct {
	n, failures, repeats uint64
	latency              time.Duration
}

func newFeed(t *testing.T, c Config) *feed {
	t.Helper()
	layout := kpi.NewLayout(c.Thresholds()...)
	j, err := New(c, layout, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &feed{t: t, judge: j, layout: layout}
}

func (f *feed) counts(a arm) kpi.Counts {
	c := kpi.Counts{Requests: a.n, Failures: a.failures, Repeats: a.repeats}
	if ok := a.n - a.failures; ok > 0 {
		c.Latency = kpi.Latency{{Index: f.layout.Bin(a.latency), Count: ok}}
	}
	return c
}

func (f *feed) stratum(b, c arm) kpi.Stratum {
	f.seq++
	f.now += time.Second
	return kpi.Stratum{Seq: f.seq, Step: f.step, Alone: f.alone, From: f.now - time.Second, To: f.now, Baseline: f.counts(b), Candidate: f.counts(c)}
}

// add feeds n equal strata and returns the judgement.
func (f *feed) add(n int, b, c arm) Judgement {
	for range n {
		f.judge.Add(f.stratum(b, c))
		if got, want := f.judge.Verdict(), f.judge.Judgement().Verdict; got != want {
			f.t.Fatalf("Verdict says %s, Judgement %s", got, want)
		}
	}
	return f.judge.Judgement()
}

func (f *feed) begin(step int) {
	f.step = step
	f.judge.BeginStep(step)
}

func gates(g ...GateConfig) Config { return Config{FalseRollback: 0.05, Gates: g} }

func errorsWithin(margin string) GateConfig {
	return GateConfig{Name: "errors", Require: "error_rate <= baseline + " + margin}
}

func want(t *testing.T, j Judgement, v Verdict, reason string) {
	t.Helper()
	if j.Verdict != v || !strings.Contains(j.Reason, reason) {
		t.Errorf("%s: %s; want %s: …%s…", j.Verdict, j.Reason, v, reason)
	}
}

func TestPassIsLatchedPerStep(t *testing.T) {
	f := newFeed(t, gates(errorsWithin("5%")))
	f.begin(0)
	want(t, f.judge.Judgement(), Inconclusive, "0 of at least 50 candidate requests")
	want(t, f.add(40, arm{n: 45}, arm{n: 5}), Pass, "every gate that is required is shown")
	// Some failures later: E falls below its limit, the pass stays.
	want(t, f.add(3, arm{n: 45}, arm{n: 5, failures: 1}), Pass, "")
	f.begin(1)
	j := f.judge.Judgement()
	want(t, j, Inconclusive, "0 of at least 50")
	if e := j.Gates[0].Pass.E; e != 1 {
		t.Errorf("a new step starts at E = %v, want 1", e)
	}
}

func TestFailRunsOverTheWholeRolloutAndStays(t *testing.T) {
	f := newFeed(t, gates(errorsWithin("1%")))
	f.begin(0)
	before := f.add(2, arm{n: 45}, arm{n: 5, failures: 1}).Gates[0].Fail.E
	f.begin(1)
	if after := f.judge.Judgement().Gates[0].Fail.E; after != before || before <= 1 {
		t.Errorf("E toward failing was %v, is %v in the next step", before, after)
	}
	j := f.add(4, arm{n: 45}, arm{n: 5, failures: 3})
	want(t, j, Fail, "gate errors: error_rate > baseline + 1%: shown, candidate 46.66")
	if j.Failed == nil || j.Failed.Name != "errors" || j.Failed.Fail.E < j.Failed.Fail.Limit {
		t.Errorf("failed gate %+v", j.Failed)
	}
	want(t, f.add(200, arm{n: 45}, arm{n: 5}), Fail, "gate errors")
}

func TestMinimumTraffic(t *testing.T) {
	c := gates(errorsWithin("5%"))
	c.MinRequests = 500
	f := newFeed(t, c)
	f.begin(0)
	want(t, f.add(80, arm{n: 5}, arm{n: 5}), Inconclusive, "400 of at least 500 candidate requests")
	want(t, f.add(20, arm{}, arm{n: 5}), Inconclusive, "400 of at least 500 baseline requests")
	want(t, f.add(20, arm{n: 5}, arm{n: 5}), Pass, "")
}

func TestGuardNeverHoldsUp(t *testing.T) {
	f := newFeed(t, gates(GateConfig{Name: "guard", RollbackWhen: "error_rate > baseline"}))
	f.begin(0)
	j := f.add(10, arm{}, arm{n: 5})
	want(t, j, Pass, "")
	if g := j.Gates[0]; g.Verdict != Inconclusive || g.Pass != nil || g.Require != "" {
		t.Errorf("guard %+v", g)
	}
	want(t, f.add(10, arm{n: 45}, arm{n: 5, failures: 5}), Fail, "gate guard")
}

func TestModesAndActions(t *testing.T) {
	bad := GateConfig{Name: "bad", Require: "error_rate <= 1%"}
	fine := GateConfig{Name: "fine", RollbackWhen: "error_rate > 90%"}
	for _, c := range []struct {
		name    string
		change  func(*GateConfig)
		verdict Verdict
		hold    bool
	}{
		{"enforce, rollback", func(*GateConfig) {}, Fail, false},
		{"enforce, hold", func(g *GateConfig) { g.OnFail = OnFailHold }, Inconclusive, true},
		{"enforce, notify", func(g *GateConfig) { g.OnFail = OnFailNotify }, Inconclusive, false},
		{"notify as a guard", func(g *GateConfig) { g.OnFail = OnFailNotify; g.RollbackWhen, g.Require = "error_rate > 1%", "" }, Pass, false},
		{"observe", func(g *GateConfig) { g.Mode = ModeObserve }, Pass, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			gate := bad
			c.change(&gate)
			f := newFeed(t, gates(gate, fine))
			f.begin(0)
			j := f.add(30, arm{n: 45}, arm{n: 5, failures: 3})
			if j.Verdict != c.verdict || j.Hold != c.hold || j.Gates[0].Verdict != Fail {
				t.Errorf("%s, hold %v, gate %s; want %s, %v, fail", j.Verdict, j.Hold, j.Gates[0].Verdict, c.verdict, c.hold)
			}
		})
	}
}

func TestCarriedWithoutBaselineTraffic(t *testing.T) {
	for _, c := range []struct {
		name  string
		alone bool
		n     int // strata of the bake
	}{{"as the stratum says", true, 10}, {"as the counts say", false, 60}} {
		t.Run(c.name, func(t *testing.T) {
			f := newFeed(t, gates(errorsWithin("5%"), GateConfig{Name: "p95", RollbackWhen: "latency_p95 > 200ms"}))
			f.begin(0)
			want(t, f.add(40, arm{n: 45}, arm{n: 5}), Pass, "")
			f.begin(1)
			f.alone = c.alone
			f.add(1, arm{n: 2}, arm{n: 50}) // requests of the step before are still answered
			j := f.add(c.n, arm{}, arm{n: 5})
			want(t, j, Pass, "")
			if g := j.Gates[0]; !g.Carried || g.Verdict != Pass || !strings.Contains(g.Reason, "carried") {
				t.Errorf("gate %+v", g)
			}
			// Absolute gates still act.
			want(t, f.add(60, arm{}, arm{n: 5, latency: time.Second}), Fail, "gate p95: latency_p95 > 200ms: shown")
		})
	}
	t.Run("never measured", func(t *testing.T) {
		f := newFeed(t, gates(errorsWithin("5%")))
		f.alone = true
		f.begin(0)
		want(t, f.add(40, arm{}, arm{n: 5}), Inconclusive, "no baseline traffic in this step, and none before")
	})
	t.Run("what was inconclusive stays so", func(t *testing.T) {
		f := newFeed(t, gates(errorsWithin("5%")))
		f.begin(0)
		f.add(12, arm{n: 45}, arm{n: 5})
		f.begin(1)
		f.alone = true
		j := f.add(100, arm{}, arm{n: 5})
		want(t, j, Inconclusive, "carried")
	})
}

func TestUsersExhausted(t *testing.T) {
	f := newFeed(t, gates(errorsWithin("0.5%")))
	f.begin(0)
	if j := f.add(20, arm{n: 45}, arm{n: 5, repeats: 44}); j.UsersExhausted {
		t.Error("exhausted at five new users in 49 requests")
	}
	f.begin(1)
	j := f.add(20, arm{n: 45}, arm{n: 4, repeats: 45})
	want(t, j, Inconclusive, "users exhausted: fewer than one in ten")
	if !j.UsersExhausted {
		t.Error("not exhausted at four new users in 49 requests")
	}
}

func TestWeakenedWhenTheKeySetIsFull(t *testing.T) {
	f := newFeed(t, gates(errorsWithin("1%")))
	s := f.stratum(arm{n: 45}, arm{n: 5})
	s.Candidate.Overflow = 1
	f.judge.Add(s)
	if j := f.judge.Judgement(); !j.Weakened || !strings.Contains(j.Reason, "weakened") {
		t.Errorf("%+v", j)
	}
}

func TestAbsoluteLatency(t *testing.T) {
	gate := GateConfig{Name: "p95", Require: "latency_p95 <= 200ms"}
	t.Run("fast passes", func(t *testing.T) {
		f := newFeed(t, gates(gate))
		f.begin(0)
		j := f.add(40, arm{}, arm{n: 5, latency: 200 * time.Millisecond})
		want(t, j, Pass, "")
		if v := j.Gates[0].Candidate; v == nil || *v != 0.2 {
			t.Errorf("candidate p95 %v, want 0.2 s", v)
		}
	})
	t.Run("slow fails", func(t *testing.T) {
		f := newFeed(t, gates(gate))
		f.begin(0)
		want(t, f.add(4, arm{}, arm{n: 5, latency: 200*time.Millisecond + 1}), Fail, "latency_p95 > 200ms: shown")
	})
	t.Run("a failed request is over every threshold", func(t *testing.T) {
		f := newFeed(t, gates(gate))
		f.begin(0)
		j := f.add(4, arm{}, arm{n: 5, failures: 5})
		want(t, j, Fail, "candidate at least 1m40s")
	})
}

func TestLatencyAgainstTheBaseline(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name, rollback string
		baseline, slow time.Duration
		verdict        Verdict
	}{
		{"all quantiles, slower", "latency > baseline * 1.2", 50 * ms, 65 * ms, Fail},
		{"all quantiles, within", "latency > baseline * 1.2", 50 * ms, 58 * ms, Pass},
		{"one quantile, slower", "latency_p95 > baseline * 1.2", 50 * ms, 65 * ms, Fail},
		{"a shift, slower", "latency_p95 > baseline + 20ms", 50 * ms, 75 * ms, Fail},
		{"a shift, within", "latency_p95 > baseline + 20ms", 50 * ms, 68 * ms, Pass},
		{"the baseline itself, equal", "latency > baseline", 50 * ms, 50 * ms, Pass},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFeed(t, gates(GateConfig{Name: "slower", RollbackWhen: c.rollback}))
			f.begin(0)
			j := f.add(120, arm{n: 45, latency: c.baseline}, arm{n: 5, latency: c.slow})
			if j.Verdict != c.verdict {
				t.Errorf("%s: %s", j.Verdict, j.Reason)
			}
		})
	}
	t.Run("required at every quantile", func(t *testing.T) {
		f := newFeed(t, gates(GateConfig{Name: "slower", Require: "latency <= baseline * 1.5"}))
		f.begin(0)
		// Spread, so that the baseline has requests above each quantile.
		r := rand.New(rand.NewPCG(1, 1))
		for range 600 {
			s := f.stratum(arm{}, arm{})
			s.Baseline, s.Candidate = f.spread(r, 45), f.spread(r, 45)
			f.judge.Add(s)
		}
		want(t, f.judge.Judgement(), Pass, "")
	})
}

func (f *feed) spread(r *rand.Rand, n uint64) kpi.Counts {
	rec := kpi.NewRecorder(f.layout, kpi.Config{})
	for range n {
		rec.Record(0, kpi.Sample{Failed: r.Float64() < .01, Latency: time.Duration(50e6 * math.Exp(.3*r.NormFloat64()))})
	}
	c, _ := rec.Snapshot().Since(nil)
	return c
}

// JSON must hold whatever the evidence is.
func TestJudgementIsAlwaysValidJSON(t *testing.T) {
	f := newFeed(t, gates(errorsWithin("0.2%"), GateConfig{Name: "p99", Require: "latency_p99 <= 1ms"}))
	f.begin(0)
	for _, c := range []arm{{}, {n: 1e6, failures: 1e6}, {n: 1e9}, {n: 1e9, latency: time.Hour}} {
		j := f.add(3, arm{n: 1e6, latency: time.Second}, c)
		data, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		var back Judgement
		if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, j) {
			t.Fatalf("reads back differently: %v\n%s", err, data)
		}
		for _, g := range j.Gates {
			if g.Fail.E > maxE || g.Fail.E <= 0 || g.Pass.E > maxE {
				t.Errorf("E %v and %v", g.Fail.E, g.Pass.E)
			}
		}
	}
}

func TestGateVerdictJSON(t *testing.T) {
	f := newFeed(t, gates(GateConfig{Name: "errors", Require: "error_rate <= 2%", Message: "too many"}))
	f.begin(0)
	data, err := json.Marshal(f.add(1, arm{n: 40}, arm{n: 4, failures: 1}).Gates[0])
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"name", "require", "rollback_when", "verdict", "mode", "on_fail", "message", "fail", "pass", "min_detectable", "baseline", "candidate", "n", "reason"} {
		if _, ok := keys[key]; !ok {
			t.Errorf("no %q in %s", key, data)
		}
	}
	if !strings.Contains(string(data), `"rollback_when":"error_rate \u003e 2%"`) || !strings.Contains(string(data), `"candidate":0.25,"n":{"baseline":40,"candidate":4}`) {
		t.Errorf("%s", data)
	}
}

func TestMinDetectableShrinksAndIsMet(t *testing.T) {
	for _, gate := range []GateConfig{errorsWithin("0.2%"), {Name: "abs", Require: "error_rate <= 1%"}, {Name: "p95", RollbackWhen: "latency_p95 > 200ms"},
		{Name: "rel", RollbackWhen: "latency > baseline * 1.1"}} {
		t.Run(gate.Name, func(t *testing.T) {
			f := newFeed(t, gates(gate))
			f.begin(0)
			r := rand.New(rand.NewPCG(2, 2))
			var seen []float64
			for i := range 600 {
				s := f.stratum(arm{}, arm{})
				s.Baseline, s.Candidate = f.spread(r, 45), f.spread(r, 45)
				f.judge.Add(s)
				if v := f.judge.Judgement().Gates[0].MinDetectable; v != nil && (i == 100 || i == 599) {
					seen = append(seen, *v)
				}
			}
			if len(seen) != 2 || seen[0] < seen[1] || seen[1] < 0 {
				t.Errorf("smallest visible effects %v, want two that shrink", seen)
			}
		})
	}
	// A candidate exactly that much worse brings E to its limit, or beyond it by
	// the mixture's other parts.
	n := null{a: 1, d: 0.002}
	total := tally{kb: 45, nb: 9000, nc: 1000}
	excess, ok := n.visible(total, math.Log(20))
	if !ok {
		t.Fatal("nothing is visible")
	}
	total.kc = (0.005 + 0.002 + excess) * total.nc
	p := newFailProcess(alternatives)
	p.add(n, total, 45.5/9001, failRatios)
	if e := math.Exp(p.logE()); e < 20 || e > 60 {
		t.Errorf("E = %v at the smallest visible effect, want 20 or a little more", e)
	}
}

func TestNewRefusesALayoutWithoutItsThresholds(t *testing.T) {
	if _, err := New(gates(GateConfig{Name: "p95", Require: "latency_p95 <= 201ms"}), kpi.NewLayout(), time.Hour); err == nil {
		t.Error("a layout without the threshold was taken")
	}
	if _, err := New(gates(GateConfig{Name: "x", Require: "clicks > 1"}), kpi.NewLayout(), time.Hour); err == nil {
		t.Error("an invalid policy was taken")
	}
}
