package judge

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// twenty gates, one of every kind of test and more.
var twenty = []string{
	"error_rate <= baseline + 1%", "error_rate <= 5%", "latency_p95 <= 200ms", "latency_p99 <= baseline * 1.3", "latency <= baseline * 1.2",
	"ctr >= baseline - 1%", "conversion >= baseline - 1%", "auc >= 0.8", "auc >= baseline - 0.05", "f1 >= 0.5",
	"rmse <= baseline * 1.2", "calibration_error <= 0.1", "parity >= 0.8", "equal_opportunity >= 0.8", "psi <= 0.2",
	"ks <= 0.1", "psi.a <= 0.2", "ks.a <= 0.1", "invalid_input_rate <= 1%", "value.revenue >= baseline * 0.9",
}

// BenchmarkTick is what a closed stratum costs with twenty gates: judged, and
// put into words.
func BenchmarkTick(b *testing.B) {
	c := Config{FalseRollback: .01}
	for i, text := range twenty {
		c.Gates = append(c.Gates, GateConfig{Name: fmt.Sprint("g", i), Require: text})
	}
	j, err := New(c, kpi.NewLayout(c.Thresholds()...), time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	strata := busyStrata(200)
	seq := uint64(0)
	for b.Loop() {
		in := strata[seq%uint64(len(strata))]
		seq++
		in.Seq = seq
		j.Add(in)
		j.Judgement()
	}
}

// busyStrata bring something to every KPI.
func busyStrata(n int) []kpi.Stratum {
	r := rand.New(rand.NewPCG(1, 2))
	w := merge(
		shareOf(kpi.MeasureClick, 50, .1, .1), shareOf(kpi.MeasureConversion, 50, .1, .1),
		func(r *rand.Rand, _ bool) kpi.Measures { return scored(r, 50, .3) }, squares(1, 1),
		shareOf(kpi.MeasureGroup+"f", 25, .5, .5), shareOf(kpi.MeasureGroup+"m", 25, .5, .5),
		shareOf(kpi.MeasureOpportunity+"f", 25, .5, .5), shareOf(kpi.MeasureOpportunity+"m", 25, .5, .5),
		spread(kpi.MeasureScore, by(.5, .5)), spread(kpi.MeasureInput+"a", by(.5, .5)),
		shareOf(kpi.MeasureInvalid, 50, 0, 0), values(10, 1, 0),
	)
	var out []kpi.Stratum
	for i := range n {
		in := kpi.Stratum{Seq: uint64(i + 1), From: time.Duration(i) * time.Second, To: time.Duration(i+1) * time.Second}
		for arm, c := range []*kpi.Counts{&in.Baseline, &in.Candidate} {
			c.Requests = 50
			for k := range 50 {
				c.Latency = append(c.Latency, kpi.Bin{Index: 300 + k, Count: 1})
			}
			c.Measures = w(r, arm == kpi.Candidate)
		}
		out = append(out, in)
	}
	return out
}

// Every gate's state outlives a restart bit for bit, wherever it comes.
func TestARestartChangesNoGate(t *testing.T) {
	c := Config{FalseRollback: .01}
	for i, text := range twenty {
		c.Gates = append(c.Gates, GateConfig{Name: fmt.Sprint("g", i), Require: text})
	}
	layout := kpi.NewLayout(c.Thresholds()...)
	fresh := func() *Judge {
		j, err := New(c, layout, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	whole, cut := fresh(), fresh()
	for i, in := range busyStrata(60) {
		in.Step = i / 25
		whole.Add(in)
		cut.Add(in)
		if i%3 == 0 { // a restart
			data, err := cut.Checkpoint()
			if err != nil {
				t.Fatal(err)
			}
			cut = fresh()
			if err := cut.Restore(data); err != nil {
				t.Fatal(err)
			}
		}
		for g, v := range whole.Judgement().Gates {
			if got := cut.Judgement().Gates[g]; got.Fail.E != v.Fail.E || got.Pass.E != v.Pass.E || got.Reason != v.Reason || got.Verdict != v.Verdict {
				t.Fatalf("stratum %d, %s: %+v after restarts, %+v without", i, twenty[g], got, v)
			}
		}
	}
}
