package judge

import (
	"math"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

func TestHistoryTeachesAndIsNotJudged(t *testing.T) {
	f := newFeed(t, gates(errorsWithin("1%"), GateConfig{Name: "p50", RollbackWhen: "latency_p50 > baseline * 1.5"}))
	f.judge.Add(kpi.Stratum{Step: -1, Baseline: f.counts(arm{n: 1000, failures: 5, latency: 50 * time.Millisecond}), Candidate: f.counts(arm{n: 50, failures: 50})})
	j := f.judge.Judgement()
	if g := j.Gates[0]; math.Abs(g.Fail.E-1) > 1e-9 || g.N != (ArmCounts{}) || g.Baseline != nil {
		t.Errorf("history was judged: %+v", g)
	}
	if got := f.judge.state.Past.rate(requests); got < .005 || got > .006 {
		t.Errorf("the past's rate is %v, want 5.5 in 1001", got)
	}
	if tau := f.judge.state.Past.Taus[0]; !tau.Known || tau.Edge < 50*time.Millisecond || tau.Edge > 51*time.Millisecond {
		t.Errorf("tau %+v, want known at the first edge from 50 ms", tau)
	}
}

func TestThePastFades(t *testing.T) {
	p, w := newPast(0), wanted{names: map[string]bool{requests: false}}
	p.add(kpi.Stratum{To: time.Second, Baseline: kpi.Counts{Requests: 1000, Failures: 500}}, w)
	p.add(kpi.Stratum{To: time.Second + halfLife, Baseline: kpi.Counts{Requests: 500}}, w)
	if f := p.Sources[requests]; f.N != 1000 || f.K != 250 {
		t.Errorf("%v failures of %v, want 250 of 1000 after one half-life", f.K, f.N)
	}
}

func TestTauIsRenewedEveryFiveMinutes(t *testing.T) {
	f := newFeed(t, gates(GateConfig{Name: "p50", RollbackWhen: "latency_p50 > baseline"}))
	f.begin(0)
	var moved []time.Duration
	last := time.Duration(-1)
	for range 1200 { // the baseline's latency changes all the time
		f.judge.Add(f.stratum(arm{n: 45, latency: 50*time.Millisecond + f.now/100}, arm{n: 5, latency: 50 * time.Millisecond}))
		if at := f.judge.state.Past.Taus[0].At; at != last {
			moved, last = append(moved, at), at
		}
	}
	for i, at := range moved {
		if i > 0 && at > 10*time.Minute && at-moved[i-1] < tauInterval {
			t.Errorf("renewed at %v and at %v", moved[i-1], at)
		}
	}
	if len(moved) < 6 || last < 15*time.Minute {
		t.Errorf("renewed at %v", moved)
	}
}
