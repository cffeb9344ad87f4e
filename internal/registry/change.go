package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// rounds bounds how often one attempt reads and writes again; the caller
	// tries again later, for ever.
	rounds   = 6
	maxPause = 5 * time.Second
)

// change is one promotion or restoration under way.
type change struct {
	m       *MLflow
	op      string
	b       Binding
	run     run // as read last; its zero value when it is gone
	actions []Action
}

func (c *change) did(what string, args ...any) {
	c.actions = append(c.actions, Action{What: fmt.Sprintf(what, args...), At: c.m.now()})
}

func (c *change) end(r Result, found string) Outcome {
	return Outcome{Result: r, Found: found, Actions: c.actions}
}

// look reads everything afresh.
func (c *change) look(ctx context.Context) (scene, error) {
	vs, err := c.m.versions(ctx, c.op, c.b.Model)
	if err != nil {
		return scene{}, err
	}
	_, attempted := c.run.tags[runTagPromoting]
	s := scene{b: c.b, versions: vs, atStart: strings.Split(c.run.tags[runTagProduction], ","), attempted: attempted, aliases: c.m.mode == ModeAliases}
	if s.aliases && !c.m.aliasStays.Load() {
		s.candidateAlias = c.m.alias.Candidate
	}
	return s, nil
}

// wrote tells what became of a write. An answer that did not come, or that says
// the server failed, leaves it unknown what stands there: not an error, but a
// reason to wait a moment and look. retry is nil when the write was answered.
func (c *change) wrote(ctx context.Context, what string, err error) (retry, fatal error) {
	switch e, ok := asError(err); {
	case err == nil:
		c.did("%s", what)
		return nil, nil
	case ended(ctx, err), !ok, e.Permanent && e.Kind != Gone && e.code != "BAD_REQUEST":
		c.did("%s: %s", what, plain(err))
		return nil, err
	}
	c.did("%s: %s; reading what stands there", what, plain(err))
	return err, nil
}

func plain(err error) string {
	if e, ok := asError(err); ok {
		return e.Message
	}
	return err.Error()
}

// breathe waits before the next round; longer when the last write failed.
func (c *change) breathe(ctx context.Context, round int, last error) error {
	if last == nil {
		return ctx.Err()
	}
	d := min(c.m.backoff<<round, maxPause)
	if e, ok := asError(last); ok && e.after > 0 {
		d = min(e.after, maxWait)
	}
	return pause(ctx, d)
}

// unsettled is the error of an attempt whose rounds are used up.
func (c *change) unsettled(found string, last error) error {
	if last != nil {
		return last
	}
	return &Error{Kind: Conflict, Op: c.op, Err: errRestless, Message: fmt.Sprintf("the registry keeps changing: %s", found)}
}

var errRestless = errors.New("somebody else writes at the same time")
