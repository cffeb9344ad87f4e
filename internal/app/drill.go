package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/drill"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
)

// keepLimit bounds the write of a drill's record.
const keepLimit = 10 * time.Second

// drills holds the drills of this process: one at a time.
type drills struct {
	wait sync.WaitGroup

	mu      sync.Mutex
	model   string         // whose drill is under way; "" = none is
	running *drill.Running // it
	// unkept are last drills that the journal did not take, by model: they are
	// shown, and satisfy nobody.
	unkept map[string]*drill.Record
}

// StartDrill begins a drill of a model's rollback and returns at once.
func (a *App) StartDrill(ctx context.Context, name string, o admin.DrillOrder) (drill.Status, error) {
	m, err := a.model(name)
	if err != nil {
		return drill.Status{}, err
	}
	if v := m.ctl.View(); v.Phase.Live() {
		return drill.Status{}, &rollout.Refusal{Code: rollout.Refused, Message: fmt.Sprintf("no drill: a rollout of %s to version %s is %s", name, v.Candidate.Version, v.Phase), Hint: "wait for its end, or end it: headgate rollback " + name + " --reason …"}
	}
	if _, err := a.model(drill.Scratch(name)); err == nil {
		return drill.Status{}, &rollout.Refusal{Code: rollout.Refused, Message: fmt.Sprintf("no drill: the policy has a model %s, whose name a drill of %s needs", drill.Scratch(name), name), Hint: "give that model another name"}
	}
	a.mu.Lock()
	p, running := a.policy, a.running
	a.mu.Unlock()
	if running == nil {
		return drill.Status{}, &rollout.Refusal{Code: rollout.Refused, Message: "no drill: headgate is starting", Hint: "try again in a moment"}
	}
	order := drill.Order{
		ID: drillID(), Model: name, By: o.By, Reason: o.Reason, In: o.In, Tell: o.Tell,
		FalseRollback: p.Models[name].FalseRollback, PolicyHash: p.Hash(name), Limits: drillConfig(p, name),
	}
	if err := a.drills.begin(order); err != nil {
		return drill.Status{}, err
	}
	a.drills.wait.Go(func() { a.holdDrill(running, order) })
	return a.Drill(ctx, name)
}

func (a *App) holdDrill(ctx context.Context, o drill.Order) {
	log := a.log.Named("drill")
	rec := drill.Run(ctx, drill.Deps{
		Log: log, Clock: time.Now, Random: rand.Reader, Journal: a.journal, Registry: a.book, Desk: a.desk,
		Traffic: func(p *proxy.Proxy) rollout.Traffic { return traffic{p} },
	}, o, func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		log.Info(line, "model", o.Model)
		a.drills.say(line)
	})
	if ctx.Err() != nil { // the server stops: it proves nothing, for or against
		log.Warn("drill cut off", "model", o.Model)
		a.drills.end(nil)
		return
	}
	rec.Baseline = a.drillBaseline(ctx, o.Model)
	log.Info("drill ended", "model", o.Model, "result", rec.Result, "misses", rec.Misses, "problem", rec.Problem)
	ctx, cancel := context.WithTimeout(ctx, keepLimit)
	defer cancel()
	if err := drill.Keep(ctx, a.journal, rec); err != nil {
		log.Error("drill not recorded", "model", o.Model, "error", err)
		rec.Result, rec.Problem = drill.Failed, err.Error()
		a.drills.end(&rec)
		return
	}
	a.drills.kept(o.Model)
	a.drills.end(nil)
}

// drillBaseline asks whether users would get back what they had.
func (a *App) drillBaseline(ctx context.Context, name string) drill.Baseline {
	version, err := a.book.Baseline(ctx, name)
	if err != nil {
		return drill.Baseline{Serves: drill.Unverified, Why: err.Error()}
	}
	out := drill.Baseline{Version: version, Serves: drill.Yes}
	h := a.proxy.Health(name).Baseline
	switch {
	case !h.Verifiable:
		out.Serves, out.Why = drill.Unverified, "its version cannot be read: its version_from is none"
	case h.Up < h.Total || h.Total == 0:
		out.Serves, out.Why = drill.No, fmt.Sprintf("%d of %d upstreams pass their probe", h.Up, h.Total)
	case !h.Agree || h.Version != version:
		out.Serves, out.Why = drill.No, fmt.Sprintf("its upstreams say they serve %q", h.Version)
	}
	return out
}

// Drill is what is known of a model's drills.
func (a *App) Drill(ctx context.Context, name string) (drill.Status, error) {
	if _, err := a.model(name); err != nil {
		return drill.Status{}, err
	}
	a.mu.Lock()
	p := a.policy
	a.mu.Unlock()
	s := drill.Status{Model: name}
	s.Running, s.Last = a.drills.of(name)
	kept, err := drill.Latest(ctx, a.journal, name)
	if err != nil {
		return drill.Status{}, err
	}
	if s.Last == nil {
		s.Last = kept
	}
	c := drillConfig(p, name)
	if p.Models[name].Drill != nil {
		s.Required = &drill.Required{MaxAge: c.MaxAge.Seconds(), Limits: c.Limits()}
	}
	err = drill.Verified(kept, c, a.book.Mode(), time.Now())
	s.Verified = err == nil
	if err != nil {
		s.Why = err.Error()
	}
	return s, nil
}

// drilled refuses a start whose policy asks for a drill that is not there.
func (a *App) drilled(ctx context.Context, name string) error {
	s, err := a.Drill(ctx, name)
	if err != nil || s.Required == nil || s.Verified {
		return err
	}
	return &rollout.Refusal{Code: rollout.Refused, Message: fmt.Sprintf("not started: the policy of %s asks for a rollback plan that is verified: %s", name, s.Why), Hint: "headgate drill " + name}
}

// drillConfig is what a drill of the model has to keep, by default too.
func drillConfig(p *configs.Policy, name string) drill.Config {
	var c drill.Config
	if asked := p.Models[name].Drill; asked != nil {
		c = *asked
	}
	c.SetDefaults()
	return c
}

func drillID() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return "drill-" + time.Now().UTC().Format("20060102T150405") + "-" + hex.EncodeToString(b[:])
}

func (d *drills) begin(o drill.Order) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running != nil {
		return &rollout.Refusal{Code: rollout.Refused, Message: fmt.Sprintf("no drill: one of %s is under way, begun by %s", d.model, d.running.By), Hint: "one drill at a time; headgate drill " + d.model + " --last shows it"}
	}
	d.model, d.running = o.Model, &drill.Running{ID: o.ID, BeganAt: time.Now().UTC(), By: o.By, Progress: []string{}}
	return nil
}

func (d *drills) say(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running.Progress = append(d.running.Progress, line)
}

// of is a model's drill under way, and its last one where only memory has it.
func (d *drills) of(model string) (*drill.Running, *drill.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running == nil || d.model != model {
		return nil, d.unkept[model]
	}
	now := *d.running
	now.Progress = slices.Clone(now.Progress)
	return &now, d.unkept[model]
}

// end makes room for the next drill; unkept is one that the journal lacks.
func (d *drills) end(unkept *drill.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if unkept != nil {
		if d.unkept == nil {
			d.unkept = map[string]*drill.Record{}
		}
		d.unkept[d.model] = unkept
	}
	d.model, d.running = "", nil
}

// kept: the journal holds the model's last drill.
func (d *drills) kept(model string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.unkept, model)
}
