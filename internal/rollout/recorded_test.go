package rollout_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/replay"
	"github.com/headgate/headgate/internal/rollout"
)

// stage is a rollout on a real journal, with traffic that follows from a seed
// and the number of the stratum.
type stage struct {
	t       testing.TB
	model   string
	journal *journal.Journal
	clock   *rollout.FakeClock
	lane    *rollout.Lane
	ctl     rollout.Driven
	traffic traffic
	sent    uint64 // the stratum whose traffic has been sent
}

// traffic is what both arms do.
type traffic struct {
	seed        uint64
	requests    int // per stratum, on both arms
	baseline    arm
	candidate   arm
	misrouted   float64 // 1 = users are split as configured
	sticky      bool
	users       uint64
	lateFailure uint64 // stratum from which on the candidate fails more
	lateRate    float64
}

type arm struct {
	failures float64
	latency  time.Duration
}

var morning = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func openJournal(t testing.TB, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(journal.Config{Dir: dir, LockWait: 10 * time.Second}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// boot makes the controller on what the journal holds.
func boot(t testing.TB, model string, j *journal.Journal, keep rollout.Journal, at time.Time, p rollout.Config, tr traffic) *stage {
	t.Helper()
	s := &stage{t: t, model: model, journal: j, clock: &rollout.FakeClock{At: at}, lane: rollout.NewLane(), traffic: tr}
	c := rollout.NewController(model, p, "hash", rollout.Deps{
		Log: hclog.NewNullLogger(), Clock: s.clock.Now, Random: rand.Reader, Journal: keep, Traffic: s.lane,
		Registry: rollout.Shelf{}, Reloader: rollout.Shelf{}, Executor: rollout.Shelf{}, Incidents: rollout.Shelf{},
	})
	if err := c.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.ctl = rollout.Drive(t.Context(), c)
	return s
}

func (s *stage) order(c rollout.Command) {
	s.t.Helper()
	if err := s.ctl.Give(c); err != nil {
		s.t.Fatalf("%s: %v", c.Kind, err)
	}
}

// second sends the traffic of the open stratum and lets a second pass.
func (s *stage) second() { s.pass(time.Second) }

func (s *stage) pass(d time.Duration) {
	if next := s.ctl.Strata() + 1; s.lane.Weight() > 0 && s.sent != next {
		s.send(next)
		s.sent = next
	}
	s.clock.At = s.clock.At.Add(d)
	s.ctl.Tick()
}

// send is the traffic of one stratum.
func (s *stage) send(stratum uint64) {
	r := mathrand.New(mathrand.NewPCG(s.traffic.seed, stratum))
	for range s.traffic.requests {
		user, which, a := r.Uint64N(s.traffic.users), kpi.Baseline, s.traffic.baseline
		// Like the split: who is on the candidate stays there when the weight grows.
		if float64(user)+0.5 < float64(s.traffic.users)*s.lane.Weight().Ratio()*s.traffic.misrouted {
			which, a = kpi.Candidate, s.traffic.candidate
			if s.traffic.lateFailure > 0 && stratum >= s.traffic.lateFailure {
				a.failures = s.traffic.lateRate
			}
		}
		latency := time.Duration(float64(a.latency) * math.Exp(0.4*r.NormFloat64()))
		s.lane.Now.Recorder.Record(which, kpi.Sample{Key: user, Sticky: s.traffic.sticky, Latency: latency, Failed: r.Float64() < a.failures})
	}
}

// recording is what the journal holds of the rollout now.
func recording(t testing.TB, model string, j *journal.Journal) []byte {
	t.Helper()
	data, _, err := j.Load(context.Background(), rollout.StateKey(model))
	if err != nil {
		t.Fatal(err)
	}
	var s rollout.State
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = replay.Copy(context.Background(), &out, s, j, func(ctx context.Context, each func(replay.Line) error) error {
		return j.Records(ctx, 1, func(e journal.Entry) error {
			if _, ok := replay.About(e.Body, s.Model, s.ID); !ok {
				return nil
			}
			return each(replay.Line{Seq: e.Seq, Time: e.Time, Body: e.Body})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func replayed(t testing.TB, data []byte, policy *rollout.Config) replay.Report {
	t.Helper()
	in, err := replay.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if policy == nil {
		policy = &in.Header.Policy
	}
	r, err := replay.Run(in, *policy)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func policyOf(holds []time.Duration, gates ...judge.GateConfig) rollout.Config {
	warm := time.Duration(0)
	c := rollout.Config{Config: judge.Config{Gates: gates}, WarmUp: &warm, AfterPromote: &rollout.AfterPromote{Reload: "POST /reload"}}
	for i, h := range holds {
		c.Plan = append(c.Plan, rollout.Step{Canary: &rollout.CanaryStep{Weight: []canary.Weight{1000, 5000, 10000}[i], Hold: h}})
	}
	c.Plan = append(c.Plan, rollout.Step{Promote: &rollout.PromoteStep{}}, rollout.Step{Bake: &rollout.BakeStep{Hold: 5 * time.Second}})
	c.SetDefaults()
	return c
}

var someGates = []judge.GateConfig{
	{Name: "errors", Require: "error_rate <= baseline + 5%"},
	{Name: "absolute", Require: "error_rate <= 30%"},
	{Name: "p95", Require: "latency_p95 <= 180ms", RollbackWhen: "latency_p95 > 217ms"},
	{Name: "slower", RollbackWhen: "latency <= baseline * 1.5"},
	{Name: "guard", RollbackWhen: "latency_p99 > baseline + 50ms", Mode: judge.ModeObserve},
}

func drawPolicy(t *rapid.T) rollout.Config {
	var gates []judge.GateConfig
	someGates[3].RollbackWhen = "latency > baseline * 1.5"
	for _, g := range someGates {
		if g.Name == "errors" || rapid.Bool().Draw(t, g.Name) {
			gates = append(gates, g)
		}
	}
	var holds []time.Duration
	for i := range rapid.IntRange(1, 3).Draw(t, "steps") {
		holds = append(holds, time.Duration(rapid.IntRange(3, 25).Draw(t, fmt.Sprint("hold", i)))*time.Second)
	}
	p := policyOf(holds, gates...)
	p.OnInconclusive = rapid.SampledFrom([]string{rollout.OnInconclusiveHold, rollout.OnInconclusiveBack}).Draw(t, "on_inconclusive")
	warm := time.Duration(rapid.SampledFrom([]int{0, 0, 4}).Draw(t, "warm")) * time.Second
	p.WarmUp = &warm
	if rapid.Bool().Draw(t, "swap") {
		p.AfterPromote = &rollout.AfterPromote{Swap: true}
	}
	return p
}

func drawTraffic(t *rapid.T) traffic {
	rate := func(name string) float64 {
		return rapid.SampledFrom([]float64{0, 0.01, 0.01, 0.05, 0.12, 0.3}).Draw(t, name)
	}
	return traffic{
		seed: rapid.Uint64().Draw(t, "seed"), sticky: rapid.Bool().Draw(t, "sticky"), users: rapid.SampledFrom([]uint64{300, 20_000}).Draw(t, "users"),
		requests: rapid.IntRange(5, 250).Draw(t, "requests"), misrouted: rapid.SampledFrom([]float64{1, 1, 1, 0.4}).Draw(t, "misrouted"),
		baseline:    arm{rapid.SampledFrom([]float64{0, 0.01, 0.05}).Draw(t, "fb"), 60 * time.Millisecond},
		candidate:   arm{rate("fc"), time.Duration(rapid.SampledFrom([]int{60, 75, 120}).Draw(t, "lc")) * time.Millisecond},
		lateFailure: rapid.Uint64Range(0, 40).Draw(t, "late"), lateRate: rate("late rate"),
	}
}

// something is what happens to a rollout beside its traffic.
func something(t *rapid.T, s *stage, b *journal.Journal, p rollout.Config) *stage {
	give := func(k rollout.Kind) {
		_ = s.ctl.Give(rollout.Command{Kind: k, By: "ann", Reason: "why not"}) // a refusal is as good
	}
	switch rapid.IntRange(0, 90).Draw(t, "event") {
	case 0:
		give(rollout.Pause)
	case 1, 2:
		give(rollout.Resume)
	case 3:
		give(rollout.Advance)
	case 4:
		s.lane.Arms.Baseline = rollout.DownArm()
	case 5, 6, 7:
		s.lane.Arms = rollout.NewLane().Arms
	case 8:
		s.lane.Arms.Candidate = rollout.DownArm()
	case 9: // the process begins anew
		s.ctl.Stop()
		return boot(s.t, s.model, b, b, s.clock.At, p, s.traffic)
	case 10:
		s.lane.Arms.Candidate.Version = "9" // suspended until it is 2 again
	case 11:
		if rapid.IntRange(0, 9).Draw(t, "end") == 0 {
			give(rollout.Rollback)
		}
	}
	return s
}

func TestSamePolicyReproducesTheRecordBitForBit(t *testing.T) {
	j := openJournal(t, t.TempDir())
	t.Cleanup(func() { _ = j.Close() })
	decided, n := map[string]int{}, 0
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPolicy(rt)
		n++
		s := boot(t, fmt.Sprint("m", n), j, j, morning, p, drawTraffic(rt))
		s.order(rollout.Command{Kind: rollout.Start, Version: "2"})
		for range rapid.IntRange(20, 70).Draw(rt, "seconds") {
			s.pass(time.Duration(rapid.IntRange(150, 2400).Draw(rt, "tick")) * time.Millisecond)
			s = something(rt, s, j, p)
			if !s.ctl.View().Phase.Live() {
				break
			}
		}
		data := recording(t, s.model, j)
		r := replayed(t, data, nil)
		if !r.SamePolicy || !r.Identical {
			rt.Fatalf("not identical: %s\n%s", pretty(r), story(data))
		}
		for _, row := range r.Rows {
			if row.Recorded != nil {
				decided[row.Recorded.What+" "+row.Recorded.By]++
			}
		}
		s.ctl.Stop()
	})
	t.Logf("compared: %v", decided)
}

// run lets seconds pass until the rollout is over.
func (s *stage) run(seconds int) {
	for i := 0; i < seconds && s.ctl.View().Phase.Live(); i++ {
		s.second()
	}
}

var quiet = traffic{seed: 7, requests: 200, users: 50_000, sticky: true, misrouted: 1,
	baseline: arm{0.01, 60 * time.Millisecond}, candidate: arm{0.01, 60 * time.Millisecond}}

func TestAGoodCandidatePassesInTheReplayToo(t *testing.T) {
	j := openJournal(t, t.TempDir())
	t.Cleanup(func() { _ = j.Close() })
	p := policyOf([]time.Duration{10 * time.Second, 8 * time.Second}, judge.GateConfig{Name: "errors", Require: "error_rate <= baseline + 10%"})
	s := boot(t, "m", j, j, morning, p, quiet)
	s.order(rollout.Command{Kind: rollout.Start, Version: "2"})
	s.run(120)
	if v := s.ctl.View(); v.Phase != rollout.Baking || v.Reason != rollout.ReasonReloading {
		t.Fatalf("%s(%s) at %s: %v", v.Phase, v.Reason, v.Weight, v.Gates)
	}
	s.lane.Arms.Baseline.Version = "2"
	s.run(5)
	data := recording(t, "m", j)
	r := replayed(t, data, nil)
	if !r.Identical || r.Recorded.Phase != rollout.Promoted || len(r.Rows) != 3 {
		t.Fatalf("%s\n%s", pretty(r), story(data))
	}
	for i, what := range []string{replay.Advanced, replay.Advanced, replay.Baked} {
		row := r.Rows[i]
		if row.Recorded == nil || row.Replayed == nil || row.Recorded.What != what || row.Recorded.By != "pass" ||
			len(row.Recorded.Gates) == 0 || row.Recorded.Strata != row.Replayed.Strata {
			t.Errorf("row %d: %+v", i, row)
		}
	}
}

func pretty(r replay.Report) string {
	r.Gates = nil
	for i := range r.Rows {
		for _, d := range []*replay.Decision{r.Rows[i].Recorded, r.Rows[i].Replayed} {
			if d != nil {
				d.Gates = nil
			}
		}
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(string(data), "\n", "\n\t")
}

// TestAFaultAfterEveryUserWasCountedReplaysTheSame: nobody new comes, so no gate
// can see it; the watch over repeated users takes the traffic off, in the replay
// at the same stratum.
func TestAFaultAfterEveryUserWasCountedReplaysTheSame(t *testing.T) {
	j := openJournal(t, t.TempDir())
	t.Cleanup(func() { _ = j.Close() })
	p := policyOf([]time.Duration{time.Hour}, judge.GateConfig{Name: "errors", Require: "error_rate <= baseline + 10%"})
	p.Plan[0].Canary.Weight = 3000
	p.Measured.RepeatEvery = 10 * time.Second
	tr := quiet
	tr.users, tr.lateFailure, tr.lateRate = 300, 25, 0.9 // strata last ten seconds when nobody new comes
	s := boot(t, "m", j, j, morning, p, tr)
	s.order(rollout.Command{Kind: rollout.Start, Version: "2"})
	for range 1500 {
		s.second()
		if s.ctl.View().Phase == rollout.Paused {
			break
		}
	}
	if v := s.ctl.View(); v.Reason != rollout.ReasonRepeatFailures || v.Weight != 0 {
		t.Fatalf("%s(%s) at %s", v.Phase, v.Reason, v.Weight)
	}
	s.order(rollout.Command{Kind: rollout.Rollback, Reason: "I looked"})
	r := replayed(t, recording(t, "m", j), nil)
	if !r.Identical {
		t.Fatalf("%s", pretty(r))
	}
	for _, row := range r.Rows {
		if row.Kind == "pause" && row.Same && row.Recorded.By == "repeat_failures" && row.Recorded.Strata == row.Replayed.Strata && row.Recorded.Strata >= 25 {
			return
		}
	}
	t.Errorf("no pause by repeat_failures among %s", pretty(r))
}

// story is the records of a recording, for a test that fails.
func story(data []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, `{"record"`) {
			b.WriteString(strings.TrimSpace(line[:min(len(line), 300)]) + "\n")
		}
	}
	return b.String()
}
