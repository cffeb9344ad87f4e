package kpi

import "time"

// Arm indexes of Record, NewKeys and SeedKeys.
const (
	Baseline  = 0
	Candidate = 1
)

const (
	minOpen         = time.Second
	maxOpen         = 10 * time.Second
	enoughCandidate = 5
)

// Stratum is a closed span of time at one weight with what both arms did in
// it. From and To are served time since the rollout's start. Seq rises by one
// per stratum of a rollout. Baseline traffic from before the first step (the
// judge's history) carries Step -1.
type Stratum struct {
	Seq   uint64 `json:"seq"`
	Step  int    `json:"step"`
	Alone bool   `json:"alone,omitempty"` // the step sends no users to the baseline: late requests there are not its traffic
	// Shadow: the candidate got copies of requests and no users, so its measures
	// are those of the copies' answers.
	Shadow bool `json:"shadow,omitempty"`
	// Weight is the candidate's configured share while it was open, 0 to 1.
	Weight float64 `json:"weight,omitempty"`
	// Diverted: for some of the time the candidate's breaker sent its share to the
	// baseline. Neither arm counted those requests, while the baseline's own went
	// on, so the shares in it say nothing about the split.
	Diverted  bool          `json:"diverted,omitempty"`
	From      time.Duration `json:"from_ns"`
	To        time.Duration `json:"to_ns"`
	Baseline  Counts        `json:"baseline"`
	Candidate Counts        `json:"candidate"`
}

// CloseDue says whether a stratum that has been open for this long, with nc
// candidate requests in it, is to be closed. By arrivals and time only, never
// by outcomes: anything else would void the judge's promise. A change of
// weight closes it too.
func CloseDue(open time.Duration, nc uint64) bool {
	return open >= minOpen && (nc >= enoughCandidate || open >= maxOpen)
}
