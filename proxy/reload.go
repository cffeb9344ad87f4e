package proxy

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/headgate/headgate/canary"
)

// Reload takes another configuration, whole or not at all. Arms that do not
// change keep their connections, breakers and health; assignments stay; a
// request that has begun ends with the configuration it began with.
func (p *Proxy) Reload(c Config) error {
	c.SetDefaults()
	if err := validated(c); err != nil {
		return err
	}
	unused, err := p.reload(c)
	for _, a := range unused {
		a.retire() // without the lock: it waits for goroutines that may want it
	}
	return err
}

func (p *Proxy) reload(c Config) (unused []*arm, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the proxy has been shut down")
	}
	var listener *net.TCPListener
	if !strings.EqualFold(c.Listen, p.table.Load().config.Listen) {
		if listener, err = listen(c.Listen); err != nil {
			return nil, err
		}
	}
	unused, err = p.install(c)
	if listener == nil {
		return unused, err
	}
	if err != nil {
		return unused, errors.Join(err, listener.Close())
	}
	if p.serving {
		p.acceptOn(listener)
	}
	closeListener(p.listener, p.serving) // its connections go on
	p.listener = listener
	return unused, nil
}

// install builds the table of a valid configuration and makes it the one that
// requests load. Everything that can fail comes before the swap. It returns
// the arms that nothing uses any more.
func (p *Proxy) install(c Config) (unused []*arm, err error) {
	old := p.table.Load()
	var routes []*route
	var made []*arm
	kept := map[*arm]bool{}
	for _, written := range c.Routes {
		rc := p.assignments[written.Model].Colours.InRole(written)
		arms, fresh, err := p.armsOf(rc, c.Upstream, old)
		made = append(made, fresh...)
		if err != nil {
			return made, err
		}
		for _, a := range arms {
			kept[a] = true
		}
		routes = append(routes, newRoute(written, p.metrics, arms, p.assignments[written.Model]))
	}
	if old == nil || old.config.ReduceMemory != c.ReduceMemory {
		p.server.Store(p.newServer(c))
	}
	for _, r := range routes {
		r.mirror = p.mirrorFor(r.config, r.assignment)
	}
	p.table.Store(newTable(c, p.metrics, routes))
	for _, m := range p.mirrorsGone(c) {
		p.workers.Go(func() { m.end(context.Background()) })
	}
	if old == nil {
		return nil, nil
	}
	return p.unused(old, c, kept), nil
}

// armsOf takes over a route's arms where they stay as they are.
func (p *Proxy) armsOf(rc Route, s UpstreamConfig, old *table) (arms [2]*arm, fresh []*arm, err error) {
	weighted := p.assignments[rc.Model].Split.Weight() > 0
	for which, config := range []*ArmConfig{canary.Baseline: rc.Baseline, canary.Candidate: rc.Candidate} {
		if config == nil {
			continue
		}
		a := old.sameArm(rc, canary.Arm(which), *config, s)
		if a == nil {
			if a, err = p.newArm(rc, canary.Arm(which), *config, s); err != nil {
				return arms, fresh, err
			}
			fresh = append(fresh, a)
		} else {
			a.flush()
		}
		arms[which] = a
	}
	if c := arms[canary.Candidate]; c != nil {
		c.setUrgent(weighted)
	}
	return arms, fresh, nil
}

// sameArm finds an arm that can be taken over, nil when there is none.
func (t *table) sameArm(rc Route, which canary.Arm, c ArmConfig, s UpstreamConfig) *arm {
	if t == nil {
		return nil
	}
	for _, r := range t.routes {
		if a := r.arms[which]; r.config.Name == rc.Name && r.config.Model == rc.Model && a != nil && a.sameAs(c, s) {
			return a
		}
	}
	return nil
}

func (p *Proxy) newArm(rc Route, which canary.Arm, c ArmConfig, s UpstreamConfig) (*arm, error) {
	p.metrics.breaker.WithLabelValues(rc.Name, which.String()).Set(0)
	return newArm(which, rc.Model, c, s, func(b BreakerState) {
		p.showBreakers(rc.Name)
		if b.Open {
			p.log.Warn("breaker open", "route", rc.Name, "model", b.Model, "arm", b.Arm, "reason", b.Reason)
		} else {
			p.log.Info("breaker closed", "route", rc.Name, "model", b.Model, "arm", b.Arm)
		}
		if p.onBreaker != nil {
			p.onBreaker(b.Model, b)
		}
	})
}

// unused lets go of the series that the new table does not have, and returns
// such arms.
func (p *Proxy) unused(old *table, c Config, kept map[*arm]bool) (arms []*arm) {
	names := map[string]bool{}
	for _, r := range c.Routes {
		names[r.Name] = true
	}
	for _, r := range old.routes {
		for _, a := range r.arms {
			if a != nil && !kept[a] {
				arms = append(arms, a)
			}
		}
		if !names[r.config.Name] {
			p.metrics.forget(r.config.Name)
		}
	}
	return arms
}
