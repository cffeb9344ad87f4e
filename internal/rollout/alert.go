package rollout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/alerts"
)

// ErrUnwritten says that a decision about an alert stands and the journal does
// not hold it yet: whoever sent the alert should send it again.
var ErrUnwritten = errors.New("the decision stands, but the journal could not be written yet")

// alertDesk is where alerts wait for the controller. Most never get there: what
// was decided is answered from an immutable copy, so that a storm of repetitions
// takes no lock and never reaches the goroutine that guards users.
type alertDesk struct {
	book atomic.Pointer[alertBook]
	mu   sync.Mutex // one undecided message at a time
}

// alertBook is what answers alerts without the controller.
type alertBook struct {
	generation uint64
	unwritten  bool
	past       string // why nothing is decided any more; "" = it is
	started    time.Time
	rules      []alerts.Rule
	decided    map[alertKey]AlertDecision
	full       bool // passive decisions are not kept any more
}

type alertKey struct {
	alerts.ID
	resolved bool
}

// publishAlerts renews the book when something was decided.
func (c *Controller) publishAlerts() {
	s := c.state
	if b := c.alerts.book.Load(); b != nil && b.generation == s.Generation && b.unwritten == c.dirty {
		return
	}
	b := &alertBook{
		generation: s.Generation, unwritten: c.dirty, past: s.pastAlerts(), started: s.StartedAt, rules: s.Policy.OnAlert,
		decided: make(map[alertKey]AlertDecision, len(s.Alerts)), full: s.count(AlertDecision.passive) >= passiveKept,
	}
	for _, x := range s.Alerts {
		b.decided[alertKey{alerts.ID{Fingerprint: x.Fingerprint, StartsAt: x.StartsAt}, x.Resolved}] = x
	}
	c.alerts.book.Store(b)
}

// Alert decides about alerts, once each, and returns what became of each, in
// their order. An error means that a decision could not be made or kept: the
// alerts should come again.
func (c *Controller) Alert(ctx context.Context, list []alerts.Alert) ([]AlertDecision, error) {
	out := make([]AlertDecision, len(list))
	book := c.alerts.book.Load()
	if book.answer(list, out) != nil {
		c.alerts.mu.Lock()
		defer c.alerts.mu.Unlock()
		book = c.alerts.book.Load() // whoever held the lock may have decided it
		if open := book.answer(list, out); open != nil {
			if err := c.decideAlerts(ctx, list, open, out); err != nil {
				return nil, err
			}
			book = c.alerts.book.Load()
		}
	}
	if book.unwritten {
		for _, x := range out {
			if !x.passive() {
				return out, ErrUnwritten
			}
		}
	}
	return out, nil
}

// decideAlerts sends the undecided alerts to the controller.
func (c *Controller) decideAlerts(ctx context.Context, list []alerts.Alert, open []int, out []AlertDecision) error {
	e := Alerted{Health: c.Traffic.Health(c.model), Gates: c.View().Gates}
	for _, i := range open {
		e.Alerts = append(e.Alerts, list[i])
	}
	if err := c.send(ctx, e); err != nil {
		return fmt.Errorf("decide about an alert: %w", err)
	}
	book := c.alerts.book.Load()
	told := map[alertKey]bool{}
	for _, i := range open {
		key := keyOf(list[i])
		if x, ok := book.decided[key]; ok && !told[key] {
			out[i], told[key] = x, true
			continue
		}
		if out[i], _ = book.known(list[i], true); out[i].Reason == "" {
			out[i].Reason = "nothing followed, and this rollout keeps no more decisions about alerts"
		}
	}
	return nil
}

// answer fills in what is known and returns the places of what has to be
// decided; nil when nothing has.
func (b *alertBook) answer(list []alerts.Alert, out []AlertDecision) (open []int) {
	for i, a := range list {
		x, ok := b.known(a, b.full)
		if !ok {
			open = append(open, i)
		}
		out[i] = x
	}
	return open
}

// known is the answer for an alert that was decided, or that nothing has to be
// decided about; passive: nor about one that nothing would follow from.
func (b *alertBook) known(a alerts.Alert, passive bool) (AlertDecision, bool) {
	x := AlertDecision{Alert: short(a.Name()), Fingerprint: a.Fingerprint, StartsAt: a.StartsAt, Resolved: a.Status == alerts.Resolved}
	for _, key := range []alertKey{keyOf(a), {a.ID(), false}} {
		if before, ok := b.decided[key]; ok {
			x.Decision, x.Rule, x.At = alerts.Duplicate, before.Rule, before.At
			x.Reason = fmt.Sprintf("decided at %s: %s: %s", before.At.UTC().Format(time.RFC3339), before.Decision, before.Reason)
			return x, true
		}
	}
	x.Decision = alerts.Ignored
	if x.Reason = b.past; b.past != "" {
		return x, true
	}
	wish := alerts.Judge(b.rules, b.started, a)
	switch {
	case !passive || (wish.Ignored == "" && !wish.Rule.DryRun):
		return x, false
	case wish.Ignored != "":
		x.Reason = wish.Ignored
	default:
		x.Decision, x.Rule, x.Reason = alerts.DryRun, short(wish.Rule.Title()), "would "+wish.Rule.Do+": "+why(wish.Rule, a)
	}
	return x, true
}

func keyOf(a alerts.Alert) alertKey { return alertKey{a.ID(), a.Status == alerts.Resolved} }
