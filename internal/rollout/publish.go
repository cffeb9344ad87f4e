package rollout

import (
	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/judge"
)

// publish makes the view that everyone reads.
func (c *Controller) publish() {
	v := c.makeView()
	c.view.Store(&v)
	c.publishLive()
	c.publishAlerts()
	if c.OnChange != nil {
		c.OnChange(v)
	}
}

func (c *Controller) makeView() View {
	s := c.state
	v := View{
		Model: c.model, ID: s.ID, Phase: s.Phase, Reason: s.Reason, Cause: s.Cause, Message: s.Message,
		Generation: s.Generation, Weight: s.Weight, PolicyHash: s.PolicyHash, Policy: "current",
		Baseline: VersionView{s.Baseline}, Candidate: VersionView{s.Candidate},
		Gates:      []judge.GateVerdict{},
		Registry:   RegistryView{Mode: c.Registry.Mode(), Pending: s.Owed.Pending, Since: s.Owed.Since, LastError: s.Owed.LastError, NextTry: s.Owed.NextTry, RunID: s.Binding.RunID},
		FinishedAt: s.FinishedAt,
	}
	if p := c.policy.Load(); s.Phase.Live() && p.hash != s.PolicyHash {
		v.Policy = "pending"
	}
	if !s.StartedAt.IsZero() {
		v.StartedAt = &s.StartedAt
	}
	v.Step, v.Shadow, v.Approvals, v.StartedBy = stepView(s), s.Mirror, s.Approvals, s.StartedBy
	if s.Colours != nil {
		v.Colours = &ColoursView{*s.Colours, c.health.Exchanged}
	}
	switch {
	case c.evidence != nil:
		v.Verdict, v.Gates = c.evidence.verdict.Verdict, c.evidence.verdict.Gates
	case s.Order != nil:
		v.Gates = s.Order.Gates
	}
	if o := s.Order; o != nil {
		v.Rollback = &RollbackView{By: o.By, Reason: o.Reason, DecidedAt: o.DecidedAt, TrafficAt: o.TrafficAt, RecordedAt: o.RecordedAt, RegistryAt: o.RegistryAt, Result: o.Result, IncidentAt: o.IncidentAt}
		if s.Phase == RollingBack && o.RegistryAt == nil {
			v.Registry.Pending = true
			if v.Registry.Since == nil {
				v.Registry.Since = &o.DecidedAt
			}
		}
	}
	if v.Gates == nil {
		v.Gates = []judge.GateVerdict{}
	}
	v.Serving = serving(c.health, s, c.showKnown(&v))
	return v
}

// serving holds every upstream against what its arm should serve: baseline is
// what the registry or the live rollout says. Without a rollout the candidate's
// upstreams may serve anything.
func serving(h Health, s State, base string) []ServingView {
	cand := ""
	if s.Phase.Live() {
		cand = s.Candidate
	}
	list := []ServingView{}
	for _, u := range h.Baseline.Upstreams {
		list = append(list, servingOf(canary.Baseline, u, base, h.Baseline.Verifiable))
	}
	for _, u := range h.Candidate.Upstreams {
		list = append(list, servingOf(canary.Candidate, u, cand, h.Candidate.Verifiable))
	}
	return list
}

func servingOf(arm canary.Arm, u UpstreamHealth, want string, verifiable bool) ServingView {
	ok := u.Up && (want == "" || !verifiable || u.Version == want)
	return ServingView{Arm: arm, URL: u.URL, Up: u.Up, Version: u.Version, Expected: want, OK: ok, Error: u.Err}
}
