package proxy

import (
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
)

// Assignment is how the traffic of a model is split and where its outcomes are
// recorded. The zero value sends everything to the baseline and records
// nothing.
type Assignment struct {
	Split    canary.Split
	Recorder *kpi.Recorder
	// Shadow is the share of the requests on the baseline that the candidate gets
	// a copy of, at most what the route's shadow.share allows; drawn by the user's
	// key where ShadowByKey says so, or the route.
	Shadow      canary.Weight
	ShadowByKey bool
	// Colours say which upstreams have which role, whatever the configuration
	// calls them; nil: as it does.
	Colours *Colours
}

// Health is what is known of a model's arms.
type Health struct {
	Baseline, Candidate ArmHealth
	// Exchanged: the roles are the other way round than the configuration has them.
	Exchanged bool
}

// ArmHealth is what the probes and the breaker know of one arm.
type ArmHealth struct {
	Upstreams []UpstreamHealth
	Up, Total int
	// Version is what all upstreams that answer report, else empty.
	Version string
	// Agree: at least one upstream reports a version, and none another one.
	Agree bool
	// Verifiable: the upstreams are asked for their version at all.
	Verifiable bool
	Breaker    BreakerState
}

// UpstreamHealth is the last probe of one upstream.
type UpstreamHealth struct {
	URL     string
	Up      bool      // fewer than two probes in a row have failed, and one has passed
	Version string    // what it last reported; kept while it is up
	Err     string    // of the last probe; empty when it passed
	At      time.Time // of the last probe; zero before the first
}

// BreakerState says whether an arm is cut off. An open breaker of the
// candidate sends its share to the baseline; one of the baseline only informs.
type BreakerState struct {
	Model  string
	Arm    canary.Arm
	Open   bool
	Since  time.Time // when it opened or closed; zero when it never opened
	Reason string    // why it is open
}
