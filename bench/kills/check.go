package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
)

// line is a record of the journal, as far as it matters here.
type line struct {
	at   time.Time
	Kind string `json:"kind"`
	Data struct {
		Reason string `json:"reason"`
		Cause  string `json:"cause"`
	} `json:"data"`
}

// check holds everything that is left behind against what was promised.
func (c *cycle) check(ctx context.Context, r *result) error {
	time.Sleep(quiet)
	lines, err := c.journal(ctx)
	if err != nil {
		return err
	}
	c.users.close()
	if n := c.users.failed.Load(); n > 0 {
		r.violate("%d requests failed on the baseline's arm", n)
	}
	r.unanswered = c.users.unanswered.Load()
	c.checkJournal(lines, r)
	c.checkIncidents(r)
	s, err := c.book.standing(ctx, c.h.Model)
	if err != nil {
		return err
	}
	if r.right = s.right() && len(s.Marks) == 0; !r.right {
		r.violate("MLflow says: %s", s)
	}
	if err := c.h.End(); err != nil {
		return err
	}
	if err := c.h.Intact(ctx); err != nil {
		r.violate("%v", err)
	}
	return nil
}

func (c *cycle) journal(ctx context.Context) ([]line, error) {
	var out []line
	err := c.h.API.Journal(ctx, 1, func(e client.Entry) error {
		l := line{at: e.Time}
		if err := json.Unmarshal(e.Body, &l); err != nil {
			// Other fields of other records may have other types: the kind is read.
			var only struct {
				Kind string `json:"kind"`
			}
			if err := json.Unmarshal(e.Body, &only); err != nil {
				return fmt.Errorf("record %d: %w", e.Seq, err)
			}
			l.Kind = only.Kind
		}
		out = append(out, l)
		return nil
	})
	return out, err
}

// checkJournal sorts the ending and looks for requests that should not have
// reached the candidate.
func (c *cycle) checkJournal(lines []line, r *result) {
	var suspended, resumed, order *line
	for i := range lines {
		l := &lines[i]
		switch {
		case l.Kind == "rolling_back" && order == nil:
			order = l
		case l.Kind == "rolling_back":
			r.violate("two orders to roll back in the journal")
		case !l.at.After(c.killed):
		case l.Kind == "suspended" && suspended == nil:
			suspended = l
		case l.Kind == "resumed" && resumed == nil:
			resumed = l
		}
	}
	if order == nil {
		r.violate("no order to roll back in the journal")
		return
	}
	switch {
	case !order.at.After(c.killed):
		r.ending = durable
	case order.Data.Cause == "operator":
		r.ending = byOperator
	case resumed != nil && resumed.at.Before(order.at):
		r.ending = judgedNew
	default:
		r.ending = judged
	}
	if r.ending == durable && (suspended != nil || resumed != nil) {
		r.violate("the order was durable, and the rollout came back")
	}
	if r.ending != durable && (suspended == nil || suspended.Data.Reason != "restarted") {
		r.violate("the order was not durable, and the rollout did not come back paused (restarted)")
	}
	c.countRequests(resumed, order, r)
}

// countRequests goes through what reached the candidate after the kill. A
// request counts as the new process's when it was sent after the old one was
// gone, or arrived after the new one answered.
func (c *cycle) countRequests(resumed, order *line, r *result) {
	verdict := time.Duration(1<<63 - 1) // never: the weight was not regained
	if resumed != nil {
		verdict = c.killedAt + resumed.at.Sub(c.killed)
	}
	decided := c.killedAt + order.at.Sub(c.killed)
	for _, p := range c.h.candidate.predictions() {
		if p.sent <= c.killedAt && p.arrived <= c.answering {
			r.offAfter = max(r.offAfter, p.arrived-decided)
			continue
		}
		if p.arrived < verdict {
			r.early++
		}
		r.offAfter = max(r.offAfter, p.arrived-decided)
	}
	if r.early > 0 {
		r.violate("%d requests reached the candidate before its verdict was read", r.early)
	}
	if r.offAfter > time.Second {
		r.violate("a request reached the candidate %s after the decision", r.offAfter)
	}
}
