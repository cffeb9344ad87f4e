package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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
	s, err := c.book.standing(ctx, c.h.model)
	if err != nil {
		return err
	}
	if r.right = s.right() && len(s.Marks) == 0; !r.right {
		r.violate("MLflow says: %s", s)
	}
	if err := c.h.end(); err != nil {
		return err
	}
	if err := c.h.audit(ctx); err != nil {
		r.violate("%v", err)
	}
	return nil
}

func (c *cycle) journal(ctx context.Context) ([]line, error) {
	var out []line
	err := c.h.api.Journal(ctx, 1, func(e client.Entry) error {
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

// incident is the ticket as it lies on the disk.
type incident struct {
	ID       string     `json:"id"`
	Rollout  string     `json:"rollout"`
	Cause    string     `json:"cause"`
	Gate     *verdict   `json:"gate"`
	Gates    []*verdict `json:"gates"`
	Registry struct {
		Result string `json:"result"`
	} `json:"registry"`
	Times struct {
		TrafficOff *time.Time `json:"traffic_off_at"`
		Recorded   *time.Time `json:"recorded_at"`
		Registry   *time.Time `json:"registry_at"`
	} `json:"times"`
}

// verdict of a gate in an incident.
type verdict struct {
	Name      string   `json:"name"`
	Baseline  *float64 `json:"baseline"`
	Candidate *float64 `json:"candidate"`
	N         struct {
		Baseline  uint64 `json:"baseline"`
		Candidate uint64 `json:"candidate"`
	} `json:"n"`
	Fail *struct {
		E     float64 `json:"e"`
		Limit float64 `json:"limit"`
	} `json:"fail"`
}

func (c *cycle) checkIncidents(r *result) {
	all := names(c.h.incidentDir(), "")
	files := names(c.h.incidentDir(), ".json")
	r.incidents = len(files)
	if len(files) != 1 || len(all) > 2 {
		r.violate("wanted one incident, found %v", all)
		return
	}
	data, err := os.ReadFile(filepath.Join(c.h.incidentDir(), files[0]))
	var in incident
	if err == nil {
		err = json.Unmarshal(data, &in)
	}
	if err != nil {
		r.violate("the incident: %v", err)
		return
	}
	if in.ID != in.Rollout || files[0] != in.Rollout+".json" || in.Registry.Result != "done" {
		r.violate("the incident %s is of %s, about rollout %s, and its registry is %q", files[0], in.ID, in.Rollout, in.Registry.Result)
	}
	if in.Times.TrafficOff == nil || in.Times.Recorded == nil || in.Times.Registry == nil {
		r.violate("the incident lacks times: %+v", in.Times)
	}
	gates := in.Gates
	if in.Cause != "operator" {
		gates = []*verdict{in.Gate}
	}
	if len(gates) == 0 {
		r.violate("the incident names no gate")
	}
	for _, g := range gates {
		c.checkGate(g, in.Cause, r)
	}
}

// checkGate: gate, values, counts and evidence are there; a gate that decided
// is over its limit.
func (c *cycle) checkGate(g *verdict, cause string, r *result) {
	switch {
	case g == nil || g.Name == "" || g.Fail == nil:
		r.violate("the incident lacks its gate or the evidence: %+v", g)
	case cause == "operator": // nothing need have been measured yet
	case g.Baseline == nil || g.Candidate == nil || g.N.Baseline == 0 || g.N.Candidate == 0:
		r.violate("the incident lacks values or counts of gate %s: %+v", g.Name, *g)
	case g.Fail.E < g.Fail.Limit:
		r.violate("gate %s decided with evidence %g below its limit %g", g.Name, g.Fail.E, g.Fail.Limit)
	}
}
