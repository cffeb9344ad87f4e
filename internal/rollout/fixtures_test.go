package rollout

import (
	"slices"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// testPolicy is 10 % → 50 % → promote → bake with one gate that rolls back.
func testPolicy() Config {
	warm := time.Duration(0)
	c := Config{
		Config: judge.Config{Gates: []judge.GateConfig{{Name: "errors", Require: "error_rate <= baseline + 5%"}}},
		WarmUp: &warm,
		Plan: []Step{
			{Canary: &CanaryStep{Weight: 1000, Hold: 20 * time.Second}},
			{Canary: &CanaryStep{Weight: 5000, Hold: 10 * time.Second}},
			{Promote: &PromoteStep{}},
			{Bake: &BakeStep{Hold: 15 * time.Second}},
		},
		AfterPromote: &AfterPromote{Reload: "POST /reload"},
	}
	c.SetDefaults()
	return c
}

// healthy is both arms up, serving versions 1 and 2.
func healthy() Health { return Health{Baseline: arm("1"), Candidate: arm("2")} }

// twoColours is healthy with addresses: blue serves version 1, green version 2.
func twoColours() Health {
	return Health{Baseline: at1("blue", arm("1")), Candidate: at1("green", arm("2"))}
}

func at1(url string, a ArmHealth) ArmHealth {
	a.Upstreams = []UpstreamHealth{{URL: url, Version: a.Version, Up: a.Up > 0}}
	return a
}

// inRole is the health with the arms in the roles that colours give them.
func (h Health) inRole(c *Colours) Health {
	if c != nil && len(h.Candidate.Upstreams) > 0 && slices.Contains(c.Serving, h.Candidate.Upstreams[0].URL) && !slices.Contains(c.Serving, h.Baseline.Upstreams[0].URL) {
		h.Baseline, h.Candidate, h.Exchanged = h.Candidate, h.Baseline, !h.Exchanged
	}
	return h
}

// swapPolicy is testPolicy whose arms swap at the end.
func swapPolicy() Config {
	c := testPolicy()
	c.AfterPromote = &AfterPromote{Swap: true}
	return c
}

func arm(version string) ArmHealth {
	return ArmHealth{
		Upstreams: []UpstreamHealth{{URL: "http://127.0.0.1:1", Version: version, Up: true}},
		Up:        1, Total: 1, Version: version, Agree: true, Verifiable: true,
	}
}

func down() ArmHealth {
	return ArmHealth{Upstreams: []UpstreamHealth{{URL: "http://127.0.0.1:1", Err: "connection refused"}}, Total: 1, Agree: true, Verifiable: true}
}

func started() State {
	return State{
		Format: Format, Model: "m", ID: "r1", Phase: Progressing, Generation: 5, Baseline: "1", Candidate: "2",
		Policy: testPolicy(), Weight: 1000, Binding: Binding{Mode: "stages", Baseline: "1", Candidate: "2"},
	}
}

func in(p Phase, step int, w canary.Weight) State {
	s := started()
	s.Phase, s.Step, s.Weight = p, step, w
	return s
}

func pausedAt(r Reason, w canary.Weight, at ResumePoint) State {
	s := in(Paused, 0, w)
	s.Reason, s.Resume = r, &at
	return s
}

func tickWith(v judge.Verdict, h Health) Tick {
	t := Tick{Elapsed: time.Second, Health: h, Judgement: judge.Judgement{Verdict: v}}
	if v == judge.Fail {
		t.Judgement.Failed = &judge.GateVerdict{Name: "errors", Verdict: judge.Fail}
	}
	return t
}

func held(s State, d time.Duration) State { s.Held = d; return s }

func decide(t *testing.T, s State, e Event) (State, []Effect) {
	t.Helper()
	next, effects, err := Decide(s, e, noon)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return next, effects
}

// does reports whether the effects hold one of the same type as want.
func does[E Effect](effects []Effect) bool {
	for _, e := range effects {
		if _, ok := e.(E); ok {
			return true
		}
	}
	return false
}
