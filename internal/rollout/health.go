package rollout

import (
	"fmt"
	"time"
)

// Health is what the data plane sees of both arms, from memory.
type Health struct {
	Baseline  ArmHealth
	Candidate ArmHealth
	// Exchanged: the roles are the other way round than the policy names them.
	Exchanged bool
}

// ArmHealth is one arm: its upstreams, what they say they serve, its breaker.
type ArmHealth struct {
	Upstreams []UpstreamHealth
	Up, Total int
	// Version is what all answering upstreams agree on; "" when they differ or
	// none has said.
	Version string
	Agree   bool
	// Verifiable is false when the policy says version_from: none.
	Verifiable bool
	// BreakerOpen with the time since, and why.
	BreakerOpen   bool
	BreakerFor    time.Duration
	BreakerReason string
}

// UpstreamHealth is one address of an arm.
type UpstreamHealth struct {
	URL, Version, Err string
	Up                bool
}

// serves says whether the arm is up and serves the version; the text says what
// is wrong otherwise.
func (a ArmHealth) serves(version string) (bool, string) {
	switch {
	case a.Total == 0:
		return false, "has no upstream"
	case a.Up == 0:
		return false, "has no upstream that passes its probe" + a.firstError()
	case !a.Verifiable:
		return true, ""
	case !a.Agree:
		return false, "has upstreams that serve different versions" + a.versions()
	case a.Version != version:
		return false, fmt.Sprintf("serves version %q, not %s", a.Version, version)
	}
	return true, ""
}

// differs reports that an answering arm serves something else than version:
// being down is not a change of version.
func (a ArmHealth) differs(version string) bool {
	return a.Verifiable && a.Up > 0 && (!a.Agree || a.Version != version)
}

// safe says whether users can be sent back to the baseline: it is up, its own
// breaker is closed and it serves the recorded version. Error rates do not count.
func (a ArmHealth) safe(version string) (bool, string) {
	if a.BreakerOpen {
		return false, "its breaker is open: " + a.BreakerReason
	}
	return a.serves(version)
}

func (a ArmHealth) firstError() string {
	for _, u := range a.Upstreams {
		if u.Err != "" {
			return fmt.Sprintf(" (%s: %s)", u.URL, u.Err)
		}
	}
	return ""
}

func (a ArmHealth) versions() string {
	text := ""
	for _, u := range a.Upstreams {
		text += fmt.Sprintf(" (%s: %q)", u.URL, u.Version)
	}
	return text
}
