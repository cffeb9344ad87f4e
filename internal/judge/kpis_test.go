package judge

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// world makes the measures of one arm in one second.
type world func(r *rand.Rand, candidate bool) kpi.Measures

func binomial(r *rand.Rand, n int, p float64) uint64 {
	var k uint64
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return k
}

// scored draws labelled scores: positives shifted up by gap.
func scored(r *rand.Rand, n int, gap float64) kpi.Measures {
	pos, neg := map[int]uint64{}, map[int]uint64{}
	m := kpi.Measures{}
	var p, q kpi.Measure
	for range n {
		label := r.Float64() < 0.5
		x := r.NormFloat64() * 0.15
		if label {
			x += gap
		}
		score := min(max(0.5-gap/2+x, 0), 0.999)
		bin, _ := kpi.Unit().Bin(score)
		if label {
			pos[bin]++
			p.N++
			p.K += flagged(score >= .5)
		} else {
			neg[bin]++
			q.N++
			q.K += flagged(score >= .5)
		}
	}
	p.Bins, q.Bins = sortedBins(pos), sortedBins(neg)
	m[kpi.MeasurePositive], m[kpi.MeasureNegative] = p, q
	return m
}

func flagged(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}

func sortedBins(m map[int]uint64) kpi.Bins {
	var out kpi.Bins
	for i := range kpi.ScaleBins {
		if n := m[i]; n > 0 {
			out = append(out, kpi.Bin{Index: i, Count: n})
		}
	}
	return out
}

// scores around a mean, as predictions or as an input.
func spread(name string, mean func(candidate bool) float64) world {
	return func(r *rand.Rand, candidate bool) kpi.Measures {
		bins := map[int]uint64{}
		for range 50 {
			bin, _ := kpi.Unit().Bin(min(max(mean(candidate)+r.NormFloat64()*0.15, 0), 0.999))
			bins[bin]++
		}
		return kpi.Measures{name: {Bins: sortedBins(bins)}}
	}
}

// share of n with a property, by arm.
func shareOf(name string, n int, baseline, candidate float64) world {
	return func(r *rand.Rand, c bool) kpi.Measures {
		p := baseline
		if c {
			p = candidate
		}
		return kpi.Measures{name: {N: uint64(n), K: binomial(r, n, p)}}
	}
}

func merge(worlds ...world) world {
	return func(r *rand.Rand, c bool) kpi.Measures {
		out := kpi.Measures{}
		for _, w := range worlds {
			for name, m := range w(r, c) {
				out[name] = m
			}
		}
		return out
	}
}

func values(mean, sigma float64, shift float64) world {
	return func(r *rand.Rand, c bool) kpi.Measures {
		var m kpi.Measure
		for range 50 {
			v := mean + sigma*r.NormFloat64()
			if c {
				v += shift
			}
			m.N++
			m.Sum += v
			m.Square += v * v
		}
		return kpi.Measures{kpi.MeasureValue + "revenue": m}
	}
}

func by(candidate, baseline float64) func(bool) float64 {
	return func(c bool) float64 {
		if c {
			return candidate
		}
		return baseline
	}
}

// squares of errors whose standard deviation is sigma.
func squares(baseline, candidate float64) world {
	return func(r *rand.Rand, c bool) kpi.Measures {
		sigma := baseline
		if c {
			sigma = candidate
		}
		var m kpi.Measure
		for range 50 {
			e := sigma * r.NormFloat64()
			m.N++
			m.Sum += e * e
			m.Square += e * e * e * e
		}
		return kpi.Measures{kpi.MeasureSquareError: m}
	}
}

// Every KPI takes back what is worse than its limit, and passes what is within
// it, by its own measure.
func TestEveryKPITakesBackAndPasses(t *testing.T) {
	labels := func(gapBase, gapCand float64) world {
		return func(r *rand.Rand, c bool) kpi.Measures {
			if c {
				return scored(r, 50, gapCand)
			}
			return scored(r, 50, gapBase)
		}
	}
	groups := func(prefix string, f, m float64) world {
		return merge(shareOf(prefix+"f", 25, f, f), shareOf(prefix+"m", 25, m, m))
	}
	slowStreams := func(c, b float64) world {
		return spread(kpi.MeasureTokens, func(cand bool) float64 {
			if cand {
				return c / 512
			}
			return b / 512
		})
	}
	counted := func(w world, name string) world { // streams count N
		return func(r *rand.Rand, c bool) kpi.Measures {
			m := w(r, c)
			x := m[name]
			for _, b := range x.Bins {
				x.N += b.Count
			}
			m[name] = x
			return m
		}
	}
	for _, c := range []struct {
		gate      string
		bad, good world
	}{
		{"ctr >= baseline - 1%", shareOf(kpi.MeasureClick, 50, .10, .06), shareOf(kpi.MeasureClick, 50, .10, .10)},
		{"ctr >= baseline * 0.9", shareOf(kpi.MeasureClick, 50, .10, .06), shareOf(kpi.MeasureClick, 50, .10, .11)},
		{"ctr >= 8%", shareOf(kpi.MeasureClick, 50, .10, .05), shareOf(kpi.MeasureClick, 50, .10, .10)},
		{"conversion >= baseline - 5%", shareOf(kpi.MeasureConversion, 50, .60, .40), shareOf(kpi.MeasureConversion, 50, .60, .60)},
		{"agreement >= 98%", shareOf(kpi.MeasureAgreement, 50, 0, .95), shareOf(kpi.MeasureAgreement, 50, 0, .995)},
		{"invalid_input_rate <= baseline + 1%", shareOf(kpi.MeasureInvalid, 50, .01, .08), shareOf(kpi.MeasureInvalid, 50, .01, .01)},
		{"auc >= 0.85", labels(.4, .15), labels(.4, .4)},
		{"auc >= baseline - 0.03", labels(.3, .15), labels(.3, .3)},
		{"f1 >= baseline - 0.05", labels(.3, .1), labels(.3, .3)},
		{"rmse <= baseline * 1.1", squares(1, 1.4), squares(1, 1)},
		{"rmse <= 1.2", squares(1, 1.4), squares(1, 1)},
		{"parity >= 0.8", groups(kpi.MeasureGroup, .6, .36), groups(kpi.MeasureGroup, .6, .58)},
		{"parity >= 0.8", groups(kpi.MeasureGroup, .1, .04), groups(kpi.MeasureGroup, .1, .1)},
		{"equal_opportunity >= 0.8", groups(kpi.MeasureOpportunity, .9, .5), groups(kpi.MeasureOpportunity, .9, .9)},
		{"psi <= 0.2", spread(kpi.MeasureScore, by(.62, .5)), spread(kpi.MeasureScore, by(.5, .5))},
		{"psi.tenure <= 0.2", spread(kpi.MeasureInput+"tenure", by(.62, .5)), spread(kpi.MeasureInput+"tenure", by(.5, .5))},
		{"ks <= 0.1", spread(kpi.MeasureScore, by(.62, .5)), spread(kpi.MeasureScore, by(.5, .5))},
		{"value.revenue >= baseline * 0.95", values(10, 5, -2), values(10, 5, 0)},
		{"value.revenue <= 11", values(10, 5, 3), values(10, 5, 0)},
		{"tokens_per_second_p10 >= baseline * 0.8", counted(slowStreams(180, 300), kpi.MeasureTokens), counted(slowStreams(300, 300), kpi.MeasureTokens)},
		{"tokens_per_second_p50 >= 200", counted(slowStreams(150, 300), kpi.MeasureTokens), counted(slowStreams(300, 300), kpi.MeasureTokens)},
	} {
		for what, w := range map[string]world{"bad": c.bad, "good": c.good} {
			t.Run(c.gate+" "+what, func(t *testing.T) {
				f := newFeed(t, gates(GateConfig{Name: "g", Require: c.gate}))
				r := rand.New(rand.NewPCG(1, 2))
				var j Judgement
				for s := 0; s < 1500 && j.Verdict != Fail && (what == "bad" || j.Verdict != Pass); s++ {
					in := f.stratum(arm{n: 50, latency: time.Millisecond}, arm{n: 50, latency: time.Millisecond})
					in.Baseline.Measures, in.Candidate.Measures = w(r, false), w(r, true)
					f.judge.Add(in)
					j = f.judge.Judgement()
				}
				g := j.Gates[0]
				wanted := map[string]Verdict{"bad": Fail, "good": Pass}[what]
				if j.Verdict != wanted || g.Candidate == nil {
					t.Fatalf("%s after %d s (E fail %.3g, pass %.3g): %s", j.Verdict, f.seq, g.Fail.E, g.Pass.E, j.Reason)
				}
				t.Logf("%s after %d s: %s", j.Verdict, f.seq, j.Reason)
				if c, err := f.judge.Checkpoint(); err != nil || f.judge.Restore(c) != nil {
					t.Fatalf("checkpoint: %v", err)
				}
				if again := f.judge.Judgement().Gates[0]; again.Fail.E != g.Fail.E || again.Reason != g.Reason {
					t.Errorf("restored: %+v, was %+v", again, g)
				}
			})
		}
	}
}

func TestThroughputCountsEveryAnswer(t *testing.T) {
	for _, c := range []struct {
		gate    string
		n       uint64
		verdict Verdict
	}{{"throughput >= 30", 20, Fail}, {"throughput >= 30", 50, Pass}} {
		f := newFeed(t, gates(GateConfig{Name: "g", Require: c.gate}))
		if j := f.add(60, arm{n: 50, latency: time.Millisecond}, arm{n: c.n - 10, repeats: 10, latency: time.Millisecond}); j.Verdict != c.verdict {
			t.Errorf("%s at %d/s: %s: %s", c.gate, c.n, j.Verdict, j.Reason)
		} else if v := *j.Gates[0].Candidate; math.Abs(v-float64(c.n)) > .01 {
			t.Errorf("shows %v answers per second of %d", v, c.n)
		}
	}
}

func TestOutcomesOfAnEarlierStepDoNotPassTheNext(t *testing.T) {
	f := newFeed(t, gates(GateConfig{Name: "clicks", Require: "ctr >= baseline - 5%"}))
	late := func(served int) kpi.Stratum {
		in := f.stratum(arm{n: 50}, arm{n: 50})
		m := kpi.Measures{kpi.MeasureClick: {N: 5000, K: 500, Served: served}}
		in.Baseline.Measures, in.Candidate.Measures = m, m
		return in
	}
	f.begin(1)
	for range 20 {
		f.judge.Add(late(1)) // served in step 0
	}
	if g := f.judge.Judgement().Gates[0]; g.Verdict != Inconclusive || g.Pass.E != 1 {
		t.Errorf("%s with E %v from impressions of the step before", g.Verdict, g.Pass.E)
	}
	f.judge.Add(late(2))
	if g := f.judge.Judgement().Gates[0]; g.Pass.E <= 1 {
		t.Errorf("E %v: impressions of the step itself say nothing", g.Pass.E)
	}
}

func TestExpressionsHoldForAWhile(t *testing.T) {
	c := gates(GateConfig{Name: "odd", Expr: "candidate.error_rate <= 0.1 or candidate.latency_p95 < baseline.latency_p95", For: 5 * time.Second}, GateConfig{Name: "guard", RollbackWhen: "error_rate > 50%"})
	f := newFeed(t, c)
	ms := time.Millisecond
	if j := f.add(1, arm{n: 40, latency: ms}, arm{n: 40, latency: ms}); j.Gates[0].Verdict != Inconclusive || !strings.Contains(j.Gates[0].Reason, "not known yet") {
		t.Errorf("below the least traffic: %s: %s", j.Gates[0].Verdict, j.Gates[0].Reason)
	}
	if j := f.add(3, arm{n: 40, latency: ms}, arm{n: 40, latency: ms}); j.Gates[0].Verdict != Inconclusive {
		t.Errorf("%s before it was true for long enough: %s", j.Gates[0].Verdict, j.Gates[0].Reason)
	}
	if j := f.add(4, arm{n: 40, latency: ms}, arm{n: 40, latency: ms}); j.Gates[0].Verdict != Pass || j.Verdict != Pass {
		t.Errorf("%s: %s", j.Verdict, j.Reason)
	}
	j := f.add(30, arm{n: 40, latency: ms}, arm{n: 40, failures: 12, latency: 2 * ms})
	if j.Gates[0].Verdict != Fail || !j.Hold || j.Verdict != Inconclusive {
		t.Errorf("%s, hold %v: %s", j.Verdict, j.Hold, j.Reason)
	}
}

func TestExpressionsAreCheckedWhenLoaded(t *testing.T) {
	for text, wanted := range map[string]string{
		"candidate.errors < 1":         "a KPI instead of candidate.errors",
		"candidate.error_rate":         "true or false",
		"1 < 2":                        "an expression over KPIs",
		"candidate.error_rate < ":      "true or false",
		"other.error_rate < 1":         "true or false",
		"candidate.latency < 1":        "a KPI instead of candidate.latency",
		`candidate["psi.x"] + "a" < 1`: "true or false",
	} {
		var got []string
		c := Config{Gates: []GateConfig{{Name: "x", Expr: text}}}
		c.SetDefaults()
		c.Validate(func(path string, _ any, wanted string) { got = append(got, path+": "+wanted) })
		if len(got) != 1 || !strings.Contains(got[0], wanted) || !strings.HasPrefix(got[0], "gates[0].expr") {
			t.Errorf("%s: %q, wanted %q", text, got, wanted)
		}
	}
}

func TestUnevenSplitBreaksTheMeasurementAndNeverRollsBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		drawn    uint64
		diverted bool
		broken   bool
	}{{"as configured", 5, false, false}, {"twice too many", 10, false, true}, {"the breaker's doing", 0, true, false}} {
		f := newFeed(t, gates(errorsWithin("1%")))
		var j Judgement
		for range 600 {
			in := f.stratum(arm{n: 45, latency: time.Millisecond}, arm{n: c.drawn, latency: time.Millisecond})
			in.Weight, in.Diverted = 0.1, c.diverted
			in.Baseline.Measures = kpi.Measures{kpi.MeasureDrawn: {N: 45}}
			in.Candidate.Measures = kpi.Measures{kpi.MeasureDrawn: {N: c.drawn}}
			f.judge.Add(in)
			j = f.judge.Judgement()
		}
		if broken := j.Broken != ""; broken != c.broken || j.Failed != nil || broken && j.Verdict != Inconclusive {
			t.Errorf("%s: broken %q, verdict %s: %s", c.name, j.Broken, j.Verdict, j.Reason)
		}
	}
}

func TestMissingLabelsAreWatched(t *testing.T) {
	f := newFeed(t, gates(errorsWithin("1%")))
	r := rand.New(rand.NewPCG(3, 4))
	w := shareOf(kpi.MeasureMissing+kpi.Label, 40, .2, .4)
	for range 120 {
		in := f.stratum(arm{n: 45, latency: time.Millisecond}, arm{n: 40, latency: time.Millisecond})
		in.Baseline.Measures, in.Candidate.Measures = w(r, false), w(r, true)
		f.judge.Add(in)
	}
	if j := f.judge.Judgement(); !strings.Contains(j.Broken, "labels go missing unevenly") {
		t.Errorf("broken: %q", j.Broken)
	}
}

func TestRepeatFailuresAreFoundOnceUsersAreExhausted(t *testing.T) {
	f := newFeed(t, gates(errorsWithin("1%")))
	feed := func(n int, fresh uint64, failing uint64) Judgement {
		for range n {
			in := f.stratum(arm{n: fresh, repeats: 45 - fresh, latency: time.Millisecond}, arm{n: fresh, repeats: 45 - fresh, latency: time.Millisecond})
			in.Baseline.Measures = kpi.Measures{kpi.MeasureRepeat: {N: 10}}
			in.Candidate.Measures = kpi.Measures{kpi.MeasureRepeat: {N: 10, K: failing}}
			f.judge.Add(in)
		}
		return f.judge.Judgement()
	}
	if j := feed(20, 45, 8); j.Repeat != nil {
		t.Fatalf("found before the users were exhausted: %+v", j.Repeat)
	}
	if j := feed(300, 0, 0); j.Repeat != nil || !j.UsersExhausted {
		t.Fatalf("exhausted %v, found %+v", j.UsersExhausted, j.Repeat)
	}
	j := feed(30, 0, 3)
	if j.Repeat == nil || j.Repeat.Gate != "errors" || j.Failed != nil {
		t.Fatalf("found %+v, failed %+v", j.Repeat, j.Failed)
	}
	if got, err := f.judge.Checkpoint(); err != nil || f.judge.Restore(got) != nil || f.judge.Judgement().Repeat == nil {
		t.Error("lost by a checkpoint")
	}
	f.begin(1)
	if j := f.judge.Judgement(); j.Repeat != nil {
		t.Error("a step begun anew still has it")
	}
}

// A value that doubles while the candidate's share goes up is no difference
// between the arms.
func TestDriftUnderARampIsNoDifference(t *testing.T) {
	steps := []float64{.01, .05, .1, .25, .5}
	failed := 0
	for run := range 40 {
		f := newFeed(t, gates(GateConfig{Name: "v", RollbackWhen: "value.revenue > baseline"}, GateConfig{Name: "d", RollbackWhen: "psi > 0.05"}))
		r := rand.New(rand.NewPCG(uint64(run), 9))
		for step, weight := range steps {
			f.begin(step)
			for s := range 120 {
				mean := 1 + float64(step*120+s)/600
				in := f.stratum(arm{n: 50}, arm{n: 50})
				for candidate, c := range []*kpi.Counts{&in.Baseline, &in.Candidate} {
					n := int(200 * (1 - weight))
					if candidate == 1 {
						n = int(200 * weight)
					}
					var m kpi.Measure
					bins := map[int]uint64{}
					for range n {
						v := mean * r.ExpFloat64()
						m.N++
						m.Sum += v
						m.Square += v * v
						bin, _ := (kpi.Scale{Min: 0, Max: 16}).Bin(v)
						bins[bin]++
					}
					c.Measures = kpi.Measures{kpi.MeasureValue + "revenue": m, kpi.MeasureScore: {Bins: sortedBins(bins)}}
				}
				f.judge.Add(in)
			}
		}
		if f.judge.Verdict() == Fail {
			failed++
		}
	}
	if failed > 4 { // 5 % of 40 are 2
		t.Errorf("%d of 40 healthy candidates taken back", failed)
	}
}
