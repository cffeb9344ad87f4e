package proxy

import (
	"slices"

	"github.com/headgate/headgate/canary"
)

// Colours names the upstreams of a model whose arms have swapped their roles.
// The configuration names two groups of upstreams; which of them serves as the
// baseline is said here. Nil: as configured.
type Colours struct {
	Serving []string // answer as the baseline
	Idle    []string // answer as the candidate
}

// exchanged says whether the roles are the other way round than the route is
// written. A route that was edited since is known by the upstreams that it still
// has; one that has none of them is taken as it is written.
func (c *Colours) exchanged(r Route) bool {
	if c == nil || r.Baseline == nil || r.Candidate == nil {
		return false
	}
	first, second := r.Baseline.Upstreams, r.Candidate.Upstreams
	return common(c.Serving, second)+common(c.Idle, first) > common(c.Serving, first)+common(c.Idle, second)
}

// InRole is the route with its arms in the roles that they have.
func (c *Colours) InRole(r Route) Route {
	if c.exchanged(r) {
		r.Baseline, r.Candidate = r.Candidate, r.Baseline
	}
	return r
}

func common(a, b []string) (n int) {
	for _, url := range a {
		if slices.Contains(b, url) {
			n++
		}
	}
	return n
}

// take gives a route an assignment: its arms, with their connections, probes and
// breakers, change their roles where it says so. Requests that have begun end
// with the route that they have loaded.
func (r *route) take(a Assignment) *route {
	changed := *r
	changed.assignment = a
	changed.config = a.Colours.InRole(r.written)
	if changed.exchanged = a.Colours.exchanged(r.written); changed.exchanged != r.exchanged {
		changed.arms[canary.Baseline], changed.arms[canary.Candidate] = r.arms[canary.Candidate], r.arms[canary.Baseline]
	}
	changed.tap = newRouteTap(changed.config, a.Recorder, r.tapMetrics)
	return &changed
}

// settle tells the arms of a route what their roles ask of them. With the lock held.
func (r *route) settle(before Assignment) {
	baseline, candidate := r.arms[canary.Baseline], r.arms[canary.Candidate]
	if candidate == nil {
		return
	}
	weight := r.assignment.Split.Weight()
	if before.Split.Weight() == 0 && weight > 0 {
		candidate.breaker.reset()
	}
	for which, a := range r.arms {
		a.breaker.setRole(canary.Arm(which))
		r.metrics[which].showBreaker(a.breaker.isOpen())
	}
	baseline.setUrgent(false)
	candidate.setUrgent(weight > 0)
}

// showBreakers brings the gauges of a route's breakers to what they are.
func (p *Proxy) showBreakers(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.table.Load()
	if t == nil {
		return // before the first table nobody is served
	}
	for _, r := range t.routes {
		if r.config.Name != name {
			continue
		}
		for which, a := range r.arms {
			if a != nil {
				r.metrics[which].showBreaker(a.breaker.isOpen())
			}
		}
	}
}
