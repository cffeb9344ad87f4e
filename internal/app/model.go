package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/rollout"
)

// lookEvery is how often the registry is asked what it says about a model
// outside of a rollout.
const lookEvery = 15 * time.Second

// model is one model at work: its controller, and the eye on the registry.
type model struct {
	app  *App
	name string
	ctl  *rollout.Controller
	look chan struct{}
	done context.CancelFunc
	wait sync.WaitGroup

	last   rollout.Phase
	served map[string]bool // by upstream: last said to be right
}

// newModel makes a model as the policy has it; restore and begin come next.
func (a *App) newModel(name string, p *configs.Policy) *model {
	m := &model{app: a, name: name, look: make(chan struct{}, 1), served: map[string]bool{}}
	m.ctl = rollout.NewController(name, p.Models[name].Config, p.Hash(name), a.deps)
	return m
}

// restore takes up the model's rollout; traffic is safe when it returns.
func (m *model) restore() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return m.ctl.Restore(ctx)
}

// begin counts the model among those at work.
func (a *App) begin(m *model) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.models[m.name] = m
	if a.running != nil {
		m.run(a.running)
	}
}

func (m *model) run(ctx context.Context) {
	ctx, m.done = context.WithCancel(ctx)
	m.wait.Go(func() { m.ctl.Run(ctx) })
	m.wait.Go(func() { m.watchRegistry(ctx) })
	m.wait.Go(func() { m.poller().run(ctx) })
}

func (m *model) poller() *poller {
	return &poller{
		model: m.name, log: m.app.log.Named("prometheus"), live: m.ctl.Live, queries: m.app.queries,
		weight: func() canary.Weight { v := m.ctl.View(); return max(v.Weight, v.Shadow) }, // copies are evidence too
	}
}

func (m *model) stop() {
	if m.done != nil {
		m.done()
	}
	m.wait.Wait()
}

// changed runs on the controller's goroutine: it logs what differs from the
// registry, once, and looks at the registry again when a rollout has ended.
func (m *model) changed(v rollout.View) {
	for _, s := range v.Serving {
		if was, seen := m.served[s.URL]; s.Up && (!seen || was != s.OK) {
			m.served[s.URL] = s.OK
			if !s.OK {
				m.app.log.Warn("an upstream does not serve what the registry says", "model", v.Model, "arm", s.Arm.String(), "upstream", s.URL, "serves", s.Version, "expected", s.Expected)
			} else if seen {
				m.app.log.Info("the upstream serves what the registry says again", "model", v.Model, "upstream", s.URL, "version", s.Version)
			}
		}
	}
	if v.Phase != m.last {
		m.last = v.Phase
		m.lookNow()
	}
}

func (m *model) lookNow() {
	select {
	case m.look <- struct{}{}:
	default:
	}
}

// watchRegistry keeps the view of a model without a rollout true.
func (m *model) watchRegistry(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	first := time.NewTimer(500 * time.Millisecond)
	defer first.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-first.C:
		case <-m.look:
		}
		if v := m.ctl.View(); !v.Phase.Live() {
			m.ctl.SetKnown(m.lookAt(ctx, v))
		}
	}
}

func (m *model) lookAt(ctx context.Context, v rollout.View) rollout.Known {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	m.observe(ctx)
	if v.Phase == rollout.None {
		if id, err := m.app.book.Unfinished(ctx, m.name); err == nil && id != "" {
			return rollout.Known{Reason: rollout.ReasonOrphaned, Message: fmt.Sprintf("the registry holds marks of rollout %s, which this journal does not know: headgate doctor says how to clear them", id)}
		}
	}
	version, err := m.app.book.Baseline(ctx, m.name)
	var refused *rollout.Refusal
	switch {
	case err == nil:
		return rollout.Known{Baseline: version}
	case errors.As(err, &refused) && refused.Code != rollout.Unreachable:
		return rollout.Known{Reason: rollout.ReasonNoBaseline, Message: refused.Message}
	}
	m.app.log.Debug("registry not read", "model", m.name, "error", err)
	return rollout.Known{Baseline: v.Baseline.Version, Message: "the registry does not answer: " + err.Error()}
}

// observe tells a local registry which versions the backends report.
func (m *model) observe(ctx context.Context) {
	h := m.app.proxy.Health(m.name)
	for _, u := range append(h.Baseline.Upstreams, h.Candidate.Upstreams...) {
		if u.Version == "" {
			continue
		}
		if err := m.app.book.Observe(ctx, m.name, u.Version); err != nil {
			m.app.log.Debug("version not noted", "model", m.name, "version", u.Version, "error", err)
		}
	}
}
