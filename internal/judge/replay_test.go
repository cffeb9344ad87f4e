package judge

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

func replayConfig() Config {
	return gates(
		errorsWithin("0.5%"),
		GateConfig{Name: "p95", Require: "latency_p95 <= 90ms", RollbackWhen: "latency_p95 > 120ms"},
		GateConfig{Name: "all", Require: "latency <= baseline * 1.5"},
		GateConfig{Name: "guard", RollbackWhen: "latency_p99 > baseline + 20ms", Mode: ModeObserve},
	)
}

// story is a rollout of three steps with a history, a pause and a bake, as
// strata that went through JSON like those of the evidence log.
func story(t *testing.T, f *feed) []kpi.Stratum {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	var out []kpi.Stratum
	for i := range 100 {
		f.step = i/35 - 1 + min(i/15, 1)
		if i == 50 {
			f.now += 3 * time.Minute
		}
		s := f.stratum(arm{}, arm{})
		s.Baseline = f.spread(r, 20+r.Uint64N(30))
		s.Candidate = f.spread(r, 5+r.Uint64N(20))
		switch {
		case s.Step < 0:
			s.Candidate = kpi.Counts{}
		case i > 85:
			s.Alone, s.Baseline = true, kpi.Counts{}
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back kpi.Stratum
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		out = append(out, back)
	}
	return out
}

func judged(t *testing.T, j *Judge) []byte {
	t.Helper()
	data, err := json.Marshal(j.Judgement())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReplayGivesTheSameBytes(t *testing.T) {
	one, other := newFeed(t, replayConfig()), newFeed(t, replayConfig())
	for _, s := range story(t, one) {
		one.judge.Add(s)
		other.judge.Add(s)
		other.judge.Add(s) // a log read twice changes nothing
		if a, b := judged(t, one.judge), judged(t, other.judge); !bytes.Equal(a, b) {
			t.Fatalf("stratum %d:\n%s\n%s", s.Seq, a, b)
		}
	}
}

func TestRestoreAtEveryStratumEndsTheSame(t *testing.T) {
	whole := newFeed(t, replayConfig())
	strata := story(t, whole)
	checkpoints := make([][]byte, 0, len(strata))
	for _, s := range strata {
		cp, err := whole.judge.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		checkpoints = append(checkpoints, cp)
		whole.judge.Add(s)
	}
	end := judged(t, whole.judge)
	for k, cp := range checkpoints {
		resumed := newFeed(t, replayConfig()).judge
		if err := resumed.Restore(cp); err != nil {
			t.Fatal(err)
		}
		for _, s := range strata[k:] {
			resumed.Add(s)
		}
		if got := judged(t, resumed); !bytes.Equal(got, end) {
			t.Fatalf("restored at %d:\n%s\nwant\n%s", k, got, end)
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	f := newFeed(t, replayConfig())
	f.add(5, arm{n: 45}, arm{n: 5})
	cp, err := f.judge.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	other := replayConfig()
	other.FalseRollback = 0.01
	for _, c := range []struct {
		name string
		data []byte
		into *Judge
	}{
		{"nothing", nil, f.judge},
		{"a torn end", cp[:len(cp)-10], f.judge},
		{"noise", []byte("noise"), f.judge},
		{"another policy", cp, newFeed(t, other).judge},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := judged(t, c.into)
			if err := c.into.Restore(c.data); err == nil {
				t.Error("was taken")
			}
			if after := judged(t, c.into); !bytes.Equal(before, after) {
				t.Error("the judge changed")
			}
		})
	}
}
