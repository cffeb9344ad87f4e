package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

// Promises for a registry that does not answer.
const (
	offLimit    = time.Second     // traffic, from the decision on
	promptLimit = time.Second     // status API, and the journal after the decision
	ticketLimit = 8 * time.Second // the incident, after the decision
)

// outage is a rollback while MLflow is stopped, or answers late.
type outage struct {
	Name, Phase string
	// FailOff and DecidedOff are from the first failing answer, and from the
	// decision, to the last request that reached the candidate.
	FailOff, DecidedOff time.Duration
	Recorded            time.Duration // decision → journal
	Status              time.Duration // slowest answer of the status API meanwhile
	Ticket              time.Duration // decision → incident file
	Pending             time.Duration // how long the registry stayed away after the decision
	Right               time.Duration // from its return until it was right
	violations          []string
}

func (o *outage) violate(format string, args ...any) {
	o.violations = append(o.violations, o.Name+" in the "+o.Phase+": "+fmt.Sprintf(format, args...))
}

// trouble makes the registry go away, and come back.
type trouble struct {
	name       string
	away, back func() error
	staysAway  time.Duration // after the decision
}

func stopped(m *mlflowtest.Process) trouble {
	return trouble{"MLflow is stopped", func() error { m.Kill(); return nil }, m.Start, 9 * time.Second}
}

func late(r *relay) trouble {
	return trouble{
		"MLflow answers after 25 s each time", func() error { r.slowDown(25 * time.Second); return nil },
		func() error { r.fast(); return nil }, 9 * time.Second,
	}
}

// rollBackWithout runs a rollout to the phase, takes the registry away, lets the
// candidate fail, and measures.
func rollBackWithout(ctx context.Context, h *headgate, b *book, t trouble, phase, dir, model string) (*outage, error) {
	ctx, cancel := context.WithTimeout(ctx, cycleLimit)
	defer cancel()
	o := &outage{Name: t.name, Phase: phase}
	c := &cycle{h: h, book: b, job: job{phase: phase}, random: newRandom(1)}
	defer func() {
		h.end()
	}()
	if err := c.begin(ctx, dir, model); err != nil {
		return o, err
	}
	defer c.users.close()
	if err := t.away(); err != nil {
		return o, err
	}
	c.fail()
	v, err := h.Await(ctx, "the decision", 20*time.Second, func(v client.View) bool { return v.Rollback != nil })
	if err == nil {
		err = c.meanwhile(ctx, o, v.Rollback.DecidedAt, t.staysAway)
	}
	o.Pending = time.Since(v.Rollback.DecidedAt)
	returned := time.Now()
	if backErr := t.back(); err == nil {
		err = backErr
	}
	if err != nil {
		return o, err
	}
	if _, err = h.Await(ctx, "rolled back without a hand", 90*time.Second, func(v client.View) bool { return v.Phase == "rolled_back" && !v.Registry.Pending }); err != nil {
		return o, err
	}
	o.Right = time.Since(returned)
	var r result
	c.killed, c.killedAt = v.Rollback.DecidedAt, since(v.Rollback.DecidedAt)
	c.checkIncidents(&r)
	if s, err := b.standing(ctx, model); err != nil || !s.right() || len(s.Marks) > 0 {
		r.violate("MLflow says: %s (%v)", s, err)
	}
	for _, v := range r.violations {
		o.violate("%s", v)
	}
	return o, h.End()
}

// meanwhile measures what must not wait for the registry.
func (c *cycle) meanwhile(ctx context.Context, o *outage, decided time.Time, wait time.Duration) error {
	var last client.View
	for end := decided.Add(wait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		asked := time.Now()
		v, err := c.h.API.Rollout(ctx, c.h.Model)
		if err != nil {
			return fmt.Errorf("the status API: %w", err)
		}
		last, o.Status = v, max(o.Status, time.Since(asked))
		if o.Ticket == 0 && len(names(c.h.Incidents(), ".json")) > 0 {
			o.Ticket = time.Since(decided)
		}
	}
	if !last.Registry.Pending || last.Phase != "rolling_back" {
		o.violate("status says %s, registry pending %v", last.Phase, last.Registry.Pending)
	}
	if last.Rollback.RecordedAt == nil {
		o.violate("the journal has no order")
	} else {
		o.Recorded = last.Rollback.RecordedAt.Sub(decided)
	}
	c.offTimes(o, decided)
	for what, took := range map[string]struct{ got, limit time.Duration }{
		"traffic off": {o.DecidedOff, offLimit}, "the journal": {o.Recorded, promptLimit}, "the status API": {o.Status, promptLimit},
	} {
		if took.got > took.limit {
			o.violate("%s took %s, allowed are %s", what, took.got, took.limit)
		}
	}
	if o.Ticket == 0 || o.Ticket > ticketLimit {
		o.violate("the incident waited for the registry: after %s there was none", wait)
	}
	return nil
}

func (c *cycle) offTimes(o *outage, decided time.Time) {
	first := time.Duration(-1)
	for _, p := range c.h.candidate.predictions() {
		if p.failed && first < 0 {
			first = p.arrived
		}
		if first >= 0 {
			o.FailOff = p.arrived - first
		}
		o.DecidedOff = max(o.DecidedOff, p.arrived-since(decided))
	}
}

// printOutages writes the measurements as Markdown.
func printOutages(w io.Writer, all []*outage) {
	fmt.Fprintln(w, "| registry | rollback in | first failing answer → last candidate request | decision → last candidate request | decision → journal | slowest status answer | decision → incident file | back → registry right |")
	fmt.Fprintln(w, "|---|---|--:|--:|--:|--:|--:|--:|")
	for _, o := range all {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", o.Name, o.Phase, seconds(o.FailOff), millis(o.DecidedOff), millis(o.Recorded), millis(o.Status), seconds(o.Ticket), seconds(o.Right))
	}
}

func millis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
