package admin

import (
	"net/http"

	"github.com/headgate/headgate/shadow"
)

// Limits of the pairs that are shown at once.
const (
	defaultPairs = 20
	maxPairs     = 1000
)

// Shadows is what mirrored requests have told.
type Shadows interface {
	// Shadow is what the mirror of a model's route has compared, with the newest
	// limit pairs that disagree; a Refusal with UnknownModel when the policy does
	// not name the model. It never blocks.
	Shadow(model string, limit int) (ShadowReport, error)
}

// ShadowReport is a model's mirror: the copies of requests, and how the answers
// to them compare. Times are in seconds.
type ShadowReport struct {
	Model   string `json:"model"`
	Rollout string `json:"rollout,omitempty"`
	// Mirroring: copies are being made now. What was compared before stays until
	// the next rollout.
	Mirroring bool `json:"mirroring"`
	shadow.Snapshot
	// Agreement is the share of the pairs that agree; null: there are none.
	Agreement *float64 `json:"agreement"`
	// LatencyDifference is how much later the shadow's answers came than the live
	// ones; negative: sooner. Null: there are no pairs.
	LatencyDifference *LatencyDifference `json:"latency_difference"`
	// ScoreDifference counts pairs of scores by the shadow's less the live one.
	ScoreDifference []Bucket `json:"score_difference,omitempty"`
	// Pairs disagree, the newest first, without what the policy hides; there were
	// Compared.Disagreed of them.
	Pairs []shadow.Sample `json:"pairs"`
}

// LatencyDifference are quantiles over the pairs, each as the edge of its bin
// that is further from zero.
type LatencyDifference struct {
	N   uint64  `json:"n"`
	P05 float64 `json:"p05_s"`
	P25 float64 `json:"p25_s"`
	P50 float64 `json:"p50_s"`
	P75 float64 `json:"p75_s"`
	P95 float64 `json:"p95_s"`
	P99 float64 `json:"p99_s"`
}

// Bucket is one bar of a histogram.
type Bucket struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Count uint64  `json:"count"`
}

func (s *Server) shadow(_ http.ResponseWriter, r *http.Request, _ string) (any, error) {
	limit, err := number(r, "limit", defaultPairs, 0, maxPairs)
	if err != nil {
		return nil, err
	}
	report, err := s.backend.Shadow(r.PathValue("model"), int(limit))
	if report.Pairs == nil {
		report.Pairs = []shadow.Sample{}
	}
	return report, err
}
