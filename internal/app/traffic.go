package app

import (
	"time"

	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
)

// traffic lets rollouts steer the data plane of this process.
type traffic struct{ proxy *proxy.Proxy }

var _ rollout.Traffic = traffic{}

func (t traffic) Assign(model string, a rollout.Assignment) {
	out := proxy.Assignment{Split: a.Split, Recorder: a.Recorder, Shadow: a.Shadow, ShadowByKey: a.ShadowByKey}
	if c := a.Colours; c != nil {
		out.Colours = &proxy.Colours{Serving: c.Serving, Idle: c.Idle}
	}
	t.proxy.Assign(model, out)
}

func (t traffic) Health(model string) rollout.Health {
	h := t.proxy.Health(model)
	now := time.Now()
	return rollout.Health{Baseline: armHealth(h.Baseline, now), Candidate: armHealth(h.Candidate, now), Exchanged: h.Exchanged}
}

func armHealth(a proxy.ArmHealth, now time.Time) rollout.ArmHealth {
	out := rollout.ArmHealth{
		Up: a.Up, Total: a.Total, Version: a.Version, Agree: a.Agree, Verifiable: a.Verifiable,
		BreakerOpen: a.Breaker.Open, BreakerReason: a.Breaker.Reason,
	}
	if a.Breaker.Open {
		out.BreakerFor = now.Sub(a.Breaker.Since)
	}
	for _, u := range a.Upstreams {
		out.Upstreams = append(out.Upstreams, rollout.UpstreamHealth{URL: u.URL, Version: u.Version, Err: u.Err, Up: u.Up})
	}
	return out
}
