package proxy

import (
	"context"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/shadow"
)

// mirrorEnd is how long copies that wait may still be sent when the proxy ends.
const mirrorEnd = time.Second

// shadowArm is the label of copies in metrics.
const shadowArm = "shadow"

// mirror is the shadow of one route. It begins with the first assignment that
// asks for copies, and outlives assignments and reloads: what was compared can
// be looked at when the step is over.
//
// All but the atomic pointer belongs to who holds the proxy's lock.
type mirror struct {
	shadow   *shadow.Mirror
	config   shadow.Config
	targets  shadow.Targets
	recorder *kpi.Recorder // of the rollout that was last compared for
	metrics  *mirrorMetrics
	reads    atomic.Pointer[mirrorTap] // nil: no rollout wants evidence
}

// mirrorFor brings the mirror of a route to what an assignment asks for; nil
// when nothing is mirrored. With the lock held.
func (p *Proxy) mirrorFor(rc Route, a Assignment) *shadow.Mirror {
	m := p.mirrors[rc.Name]
	if a.Shadow == 0 || rc.Candidate == nil || p.closed {
		if m != nil {
			m.rest()
		}
		return nil
	}
	config, targets := shadowOf(rc, a)
	var err error
	switch {
	case m == nil:
		if m, err = p.newMirror(rc.Name, config, targets); err == nil {
			p.mirrors[rc.Name] = m
		}
	case !reflect.DeepEqual(m.config, config) || !reflect.DeepEqual(m.targets, targets):
		if err = m.shadow.Swap(config, targets); err == nil {
			m.config, m.targets = config, targets
		}
	}
	if err != nil { // the configuration is validated; users are served all the same
		p.log.Error("nothing is mirrored", "route", rc.Name, "error", err)
		return nil
	}
	m.take(rc, a)
	return m.shadow
}

// shadowOf is what a mirror is made with. The share is no part of it.
func shadowOf(rc Route, a Assignment) (shadow.Config, shadow.Targets) {
	var c shadow.Config
	if rc.Shadow != nil {
		c = *rc.Shadow
	}
	c.SetDefaults()
	if a.ShadowByKey {
		c.By = shadow.ByKey
	}
	return c, shadow.Targets{Candidate: rc.Candidate.Upstreams, Baseline: rc.Baseline.Upstreams}
}

func (p *Proxy) newMirror(route string, c shadow.Config, t shadow.Targets) (*mirror, error) {
	m := &mirror{config: c, targets: t, metrics: p.metrics.ofMirror(route)}
	made, err := shadow.New(route, c, t, shadow.Options{Log: p.log.Named("shadow"), OnAnswer: m.metrics.ended, OnPair: m.paired})
	m.shadow = made
	return m, err
}

// take begins or changes the mirroring for a rollout.
func (m *mirror) take(rc Route, a Assignment) {
	if m.recorder != a.Recorder {
		m.shadow.Reset() // another rollout, other versions
		m.recorder = a.Recorder
	}
	m.reads.Store(&mirrorTap{tap: newRouteTap(rc, a.Recorder, nil), errors: rc.Errors})
	if a.Recorder == nil {
		m.shadow.Report(nil, nil)
	} else {
		m.shadow.Report(a.Recorder.Meter(), a.Recorder.Layout())
		a.Recorder.Mirror(true)
	}
	m.shadow.SetShare(min(shadow.Share(a.Shadow), m.config.Share))
}

// rest ends the mirroring; what is under way ends as it may and is evidence for
// nobody.
func (m *mirror) rest() {
	m.shadow.SetShare(0)
	m.shadow.Report(nil, nil)
	m.reads.Store(nil)
	if m.recorder != nil {
		m.recorder.Mirror(false)
	}
}

// mirrorsGone are the mirrors of routes that are not served any more. With the
// lock held.
func (p *Proxy) mirrorsGone(c Config) []*mirror {
	kept := map[string]bool{}
	for _, r := range c.Routes {
		kept[r.Name] = r.Candidate != nil
	}
	var gone []*mirror
	for name, m := range p.mirrors {
		if !kept[name] {
			m.rest()
			gone = append(gone, m)
			delete(p.mirrors, name)
		}
	}
	return gone
}

// end stops a mirror: what is queued is sent as long as ctx allows.
func (m *mirror) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, mirrorEnd)
	defer cancel()
	m.shadow.Close(ctx)
}

// endMirrors stops all of them, when no client is left.
func (p *Proxy) endMirrors(ctx context.Context) {
	p.mu.Lock()
	all := slices.Collect(maps.Values(p.mirrors))
	for _, m := range all {
		m.rest()
	}
	p.mu.Unlock()
	var wait sync.WaitGroup
	for _, m := range all {
		wait.Go(func() { m.end(ctx) })
	}
	wait.Wait()
}

// shadows are the mirrors there are, for metrics.
func (p *Proxy) shadows() []*shadow.Mirror {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*shadow.Mirror
	for _, m := range p.mirrors {
		out = append(out, m.shadow)
	}
	return out
}

// Shadow is the mirror of a model's route; nil before the first copy was asked
// for.
func (p *Proxy) Shadow(model string) *shadow.Mirror {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.table.Load().routes {
		if m := p.mirrors[r.config.Name]; r.config.Model == model && m != nil {
			return m.shadow
		}
	}
	return nil
}

// mirrorRequest copies a request that is drawn, as it is sent upstream. Forced
// traffic is no evidence, and what the candidate answers needs no copy.
func (c *client) mirrorRequest(body []byte) {
	m := c.route.mirror
	if m == nil || c.draw.forced || c.draw.arm != canary.Baseline {
		return
	}
	key := c.draw.key
	if !c.draw.sticky {
		key = rand.Uint64() // nobody's: drawn for this request alone
	}
	if m.Sample(c.head.method, c.head.target, len(body), key) {
		c.mirrored.to, c.mirrored.copy = m, m.Copy(c.outgoing, body)
	}
}

// mirrored is the copy of a request on its way through an exchange.
type mirrored struct {
	to   *shadow.Mirror
	copy *shadow.Copy // nil: none
	due  bool         // to be offered when the answer was written
	live shadow.Live
}

// mirrorHead begins the live answer. Its head is still in the reader.
func (c *client) mirrorHead() {
	if c.mirrored.copy == nil {
		return
	}
	var media, coding []byte
	for i := range c.upstreamHead.fields {
		switch f := &c.upstreamHead.fields[i]; {
		case equalFold(f.name, "content-type"):
			media = f.value
		case equalFold(f.name, "content-encoding"):
			coding = f.value
		}
	}
	c.mirrored.copy.Head(media, coding)
}

// mirrorAnswered keeps what the client is about to get. The copy is offered
// after that has left: to wake a worker is not for a user to wait for.
func (c *client) mirrorAnswered() {
	if c.mirrored.copy != nil {
		c.mirrored.due = true
		c.mirrored.live = shadow.Live{Status: c.upstreamHead.status, Latency: c.latency, Counted: c.counted}
	}
}

// mirrorOffer gives the copy away, with what of the answer was not passed
// through.
func (c *client) mirrorOffer(answer []byte) {
	m := &c.mirrored
	m.copy.Answer(answer)
	m.to.Offer(m.copy, m.live)
	c.mirrored = mirrored{}
}

// mirrorDrop lets a copy go whose request got no answer of an upstream.
func (c *client) mirrorDrop() {
	if c.mirrored.copy != nil {
		c.mirrored.to.Drop(c.mirrored.copy)
		c.mirrored = mirrored{}
	}
}
