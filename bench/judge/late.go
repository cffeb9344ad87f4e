package main

import (
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/headgate/headgate/internal/kpi"
)

// lateness is what becomes known only some time after the answer.
type lateness struct {
	lag    time.Duration // the attribution window of a click, the age of a label
	clicks [2]float64    // click-through rates by arm; 0: no clicks are simulated
	auc    [2]float64    // the models' AUC by arm; 0: no labels are simulated
}

// positives is the share of the requests that are labelled 1, as in churn.
const positives = 0.2

// outcomes are those of one rollout: what came since the stratum opened, and how
// to draw more of it.
type outcomes struct {
	of     *lateness
	scores [2][2]*sampler // by arm and class
	click  [2]kpi.Measure
	score  [2][2][]uint64 // by arm and class
}

func newOutcomes(of *lateness) *outcomes {
	o := &outcomes{of: of}
	for arm, auc := range of.auc {
		if auc == 0 {
			continue
		}
		for class := range 2 {
			o.scores[arm][class] = scoreSampler(auc, class)
			o.score[arm][class] = make([]uint64, kpi.ScaleBins)
		}
	}
	return o
}

// scoreSampler draws the bin of a score. Behind it are two normal distributions
// as far apart as the AUC says, turned into probabilities by one curve.
func scoreSampler(auc float64, class int) *sampler {
	apart := math.Sqrt2 * distuv.UnitNormal.Quantile(auc)
	mean := apart * (float64(class) - .5)
	return newAlias(kpi.ScaleBins, func(bin int) float64 {
		edge := kpi.Unit().Low(bin + 1)
		if edge >= 1 {
			return 1
		}
		return distuv.UnitNormal.CDF(distuv.UnitNormal.Quantile(edge)*1.5 - mean)
	})
}

// serve draws the outcomes of n requests of an arm, and shows them to the peers.
func (o *outcomes) serve(arm int, n float64, p *panel, r *rand.Rand) {
	if rate := o.of.clicks[arm]; rate > 0 {
		clicks, others := poisson(n*rate, r), poisson(n*(1-rate), r)
		o.click[arm].N += uint64(clicks + others)
		o.click[arm].K += uint64(clicks)
		if p != nil {
			p.add(arm, others, clicks, nil) // no click is what must not grow
		}
	}
	if o.of.auc[arm] == 0 {
		return
	}
	for class, share := range [2]float64{1 - positives, positives} {
		for range poisson(n*share, r) {
			bin := o.scores[arm][class].bin(r)
			o.score[arm][class][bin]++
			if p != nil && p.open[arm].score[class] != nil {
				p.open[arm].score[class][bin]++
			}
		}
	}
}

// take returns what came since the last call.
func (o *outcomes) take(arm int) kpi.Measures {
	m := kpi.Measures{}
	if o.click[arm].N > 0 {
		m[kpi.MeasureClick] = o.click[arm]
		o.click[arm] = kpi.Measure{}
	}
	for class, name := range [2]string{kpi.MeasureNegative, kpi.MeasurePositive} {
		var v kpi.Measure
		for bin, n := range o.score[arm][class] {
			if n > 0 {
				v.Bins = append(v.Bins, kpi.Bin{Index: bin, Count: n})
				v.N += n
				o.score[arm][class][bin] = 0
			}
		}
		if v.N > 0 {
			m[name] = v
		}
	}
	return m
}

// serveLate draws the outcomes that become known between two moments.
func (run *rollout) serveLate(from, to time.Duration) {
	then := (from+to)/2 - run.late.of.lag
	if then < 0 {
		return // of requests from before the rollout nothing is counted
	}
	n := run.world.rate(then.Seconds()) * (to - from).Seconds()
	share := run.world.weight(then)
	run.late.serve(kpi.Baseline, n*(1-share), run.peers, run.rand)
	run.late.serve(kpi.Candidate, n*share, run.peers, run.rand)
}
