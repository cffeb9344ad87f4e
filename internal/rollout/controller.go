package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/headgate/headgate/canary"
)

// Times of the controller's own.
const (
	tickEvery   = 200 * time.Millisecond // how often everything is looked at
	commitLimit = 5 * time.Second        // for one write of the journal
	appendLimit = time.Second            // for keeping strata: the judge waits for it
	heldEvery   = 30 * time.Second       // how often a hold's clock is written
)

// Deps is what a controller is connected to.
type Deps struct {
	Log      hclog.Logger
	Clock    Clock
	Random   io.Reader
	Journal  Journal
	Traffic  Traffic
	Registry Registry
	Reloader Reloader
	// Warmer checks idle colours; nil only where no plan asks for a check.
	Warmer    Warmer
	Executor  Executor
	Incidents Incidents
	// OnChange is called with every new view; nil = nobody listens.
	OnChange func(View)
}

// Controller runs the rollouts of one model, one after the other. One
// goroutine owns the state; everything else reaches it through the mailbox,
// and reads the view.
type Controller struct {
	Deps
	model   string
	policy  atomic.Pointer[policy]
	mailbox chan message
	view    atomic.Pointer[View]
	alerts  alertDesk
	known   atomic.Pointer[Known]
	live    atomic.Pointer[Live]
	jobs    sync.WaitGroup

	// Owned by Run.
	state     State
	rev       uint64
	dirty     bool // a safe change is applied but not written yet
	unwritten []json.RawMessage
	doubt     bool              // the last write failed, and may have been made all the same
	doubtful  int               // how many of unwritten were in it
	withdrawn []json.RawMessage // its last records, when they are not carried out
	written   State
	heldAt    time.Time
	evidence  *evidence
	health    Health
	lastTick  time.Time
	ctx       context.Context
	cancelJob context.CancelFunc // of the registry work under way
}

type policy struct {
	config Config
	hash   string
}

type message struct {
	event Event
	reply chan error // nil for events that nobody waits for
}

// NewController makes the controller of a model; Run starts it.
func NewController(model string, c Config, hash string, d Deps) *Controller {
	ctl := &Controller{Deps: d, model: model, mailbox: make(chan message, 64)}
	ctl.policy.Store(&policy{c, hash})
	ctl.state = State{Format: Format, Model: model, Phase: None}
	ctl.publish()
	return ctl
}

// SetPolicy takes a changed policy; a rollout under way keeps its own.
func (c *Controller) SetPolicy(p Config, hash string) { c.policy.Store(&policy{p, hash}) }

// View is the rollout as of the last decision.
func (c *Controller) View() View { return *c.view.Load() }

// Restore reads the journal and brings traffic to what is safe before the
// first request is accepted. It must be called once, before Run.
func (c *Controller) Restore(ctx context.Context) error {
	data, rev, err := c.Journal.Load(ctx, c.key())
	if err != nil {
		return fmt.Errorf("load the rollout of %s: %w", c.model, err)
	}
	c.rev = rev
	if data == nil {
		c.Traffic.Assign(c.model, Assignment{})
		return nil
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read the rollout of %s: %w", c.model, err)
	}
	if s.Format > Format {
		return fmt.Errorf("the rollout of %s was written in format %d by a newer headgate, this one knows %d", c.model, s.Format, Format)
	}
	c.state, c.written = s, s
	lost := c.restoreEvidence(ctx)
	c.Traffic.Assign(c.model, c.assignment(State{Phase: s.Phase, Salt: s.Salt, Colours: s.Colours}))
	c.state.Weight = 0
	if s.Phase.Live() && s.Phase != RollingBack && s.Phase != Pending {
		c.state.Weight = s.Weight // Restarted remembers it, and takes it off
	}
	return c.settle(ctx, Restarted{EvidenceLost: lost})
}

func (c *Controller) restoreEvidence(ctx context.Context) (lost string) {
	s := &c.state
	if !s.Phase.Live() || s.Phase == Pending || s.Phase == RollingBack {
		return ""
	}
	e, err := newEvidence(*s)
	if err != nil {
		return err.Error()
	}
	if err := e.restore(ctx, c.Journal, *s); err != nil {
		lost = "the stored evidence cannot be used: " + err.Error()
	}
	s.Served = max(s.Served, e.opened)
	c.evidence = e
	return lost
}

// Run decides until ctx ends. It returns after every job it started has.
func (c *Controller) Run(ctx context.Context) {
	c.ctx = ctx
	c.lastTick = c.Clock()
	c.takeUp()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			c.jobs.Wait()
			c.park()
			return
		case <-ticker.C:
			c.tick()
		case m := <-c.mailbox:
			err := c.handle(m.event)
			if m.reply != nil {
				m.reply <- err
			}
		}
	}
}

// send gives an event to the controller's goroutine and waits for its answer.
func (c *Controller) send(ctx context.Context, e Event) error {
	reply := make(chan error, 1)
	select {
	case c.mailbox <- message{e, reply}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post gives an event to the controller's goroutine; it is lost only when the
// process stops, and then the journal brings its work back.
func (c *Controller) post(e Event) {
	select {
	case c.mailbox <- message{event: e}:
	case <-c.ctx.Done():
	}
}

func (c *Controller) tick() {
	now := c.Clock()
	elapsed := now.Sub(c.lastTick)
	c.lastTick = now
	c.health = c.Traffic.Health(c.model)
	if c.evidence != nil {
		c.evidence.look(c.state.Served, c.health.Candidate.BreakerOpen)
	}
	if c.evidence != nil && c.state.serving() {
		c.evidence.count(c.state.Served >= c.state.WarmUntil)
		if snap, due := c.evidence.due(c.state.Served); due {
			c.closeStratum(c.evidence, snap)
		}
	}
	t := Tick{Elapsed: elapsed, Health: c.health}
	if c.evidence != nil {
		t.Judgement = c.evidence.verdict
	}
	if err := c.handle(t); err != nil {
		c.Log.Error("tick refused", "model", c.model, "error", err)
	}
	c.writeHeld(now)
}

// writeHeld keeps the hold's clock, and what could not be written before.
func (c *Controller) writeHeld(now time.Time) {
	clock := c.state.Phase.Live() && c.state.Served != c.written.Served && now.Sub(c.heldAt) >= heldEvery
	if !c.dirty && !clock {
		return
	}
	if err := c.commit(c.ctx); err != nil {
		c.Log.Error("journal not written, tried again", "model", c.model, "error", err)
	}
}

// park writes the clocks and the open stratum before the process ends.
func (c *Controller) park() {
	if !c.state.Phase.Live() {
		return
	}
	if c.evidence != nil {
		c.closeStratum(c.evidence, c.evidence.recorder.Snapshot())
	}
	if err := c.commit(c.ctx); err != nil {
		c.Log.Error("journal not written at the end", "model", c.model, "error", err)
	}
}

func (c *Controller) key() string { return "rollout/" + c.model }

// assignment is what the data plane does in the state.
func (c *Controller) assignment(s State) Assignment {
	if c.evidence == nil || !s.Phase.Live() {
		return Assignment{Colours: s.Colours}
	}
	return Assignment{Colours: s.Colours, Split: canary.NewSplit(s.Salt, s.Weight), Recorder: c.evidence.recorder, Shadow: s.Mirror, ShadowByKey: s.MirrorByKey}
}
