package shadow

import (
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// listener is a rollout that wants the evidence.
type listener struct {
	meter  *kpi.Meter
	layout *kpi.Layout
}

// reportAnswer brings a copy that has come to its end to the rollout's meter:
// N copies, K failed, and the bins of the latencies of the others.
func (m *Mirror) reportAnswer(latency time.Duration, failed bool) {
	to := m.listener.Load()
	if to == nil {
		return
	}
	if failed {
		to.meter.Count(kpi.Candidate, kpi.MeasureShadow, 1, 1)
		return
	}
	to.meter.Count(kpi.Candidate, kpi.MeasureShadow, 1, 0)
	to.meter.Bin(kpi.Candidate, kpi.MeasureShadow, to.layout.Bin(latency))
}

// reportPair brings a pair that says something to the rollout's meter.
func (m *Mirror) reportPair(said outcome) {
	m.pairs[said].Add(1)
	to := m.listener.Load()
	if to == nil {
		return
	}
	switch said {
	case pairAgreed, pairNoise:
		to.meter.Count(kpi.Candidate, kpi.MeasureAgreement, 1, 1)
	case pairDisagreed:
		to.meter.Count(kpi.Candidate, kpi.MeasureAgreement, 1, 0)
	default:
	}
}
