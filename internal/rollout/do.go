package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate/headgate/canary"
)

// Times of a start.
const (
	startWait  = 20 * time.Second // for the registry to know the rollout
	finishWait = 5 * time.Second  // for the end of the last rollout to be told
	pollView   = 20 * time.Millisecond
)

// Do carries out an operator's command and returns the rollout after it. What
// is not carried out comes back as a *Refusal, and nothing changed.
func (c *Controller) Do(ctx context.Context, cmd Command) (View, error) {
	e := Commanded{Command: cmd, Health: c.Traffic.Health(c.model), Gates: c.View().Gates}
	if cmd.Kind == Start {
		if err := c.supersede(ctx, cmd, e.Health); err != nil {
			return c.View(), err
		}
		n, err := c.prepare(ctx, cmd, e.Health)
		if err != nil {
			return c.View(), err
		}
		e.New = n
	}
	if v := c.View(); cmd.Kind == Rollback && !v.Phase.Live() && v.Phase != Promoted {
		b, ok, err := c.Registry.Recover(ctx, c.model)
		if err != nil {
			return v, err
		}
		if ok {
			e.Orphan = &b
		}
	}
	if err := c.send(ctx, e); err != nil {
		return c.View(), err
	}
	if cmd.Kind == Start {
		return c.awaitStart(ctx, e.New.ID)
	}
	return c.View(), nil
}

// prepare asks registry and backends whether this candidate can start; it
// changes nothing.
func (c *Controller) prepare(ctx context.Context, cmd Command, h Health) (*NewRollout, error) {
	if cmd.Version == "" {
		return nil, refuse(Invalid, "--version N", "start needs the candidate's version")
	}
	c.awaitFinish(ctx)
	if v := c.View(); v.Phase.Live() {
		return nil, refuse(Refused, fmt.Sprintf("headgate rollback %s --reason … ends it", c.model), "a rollout of %s to version %s is %s", c.model, v.Candidate.Version, v.Phase)
	}
	baseline := cmd.Baseline
	var err error
	if baseline == "" {
		if baseline, err = c.Registry.Baseline(ctx, c.model); err != nil {
			return nil, err
		}
	} else if _, err = c.Registry.Candidate(ctx, c.model, baseline); err != nil {
		return nil, err
	}
	if err := c.candidateAllowed(ctx, cmd, baseline); err != nil {
		return nil, err
	}
	if err := c.served(h, cmd, baseline); err != nil {
		return nil, err
	}
	salt, err := canary.NewSalt(c.Random)
	if err != nil {
		return nil, fmt.Errorf("draw the salt: %w", err)
	}
	id, err := canary.NewSalt(c.Random)
	if err != nil {
		return nil, fmt.Errorf("draw the rollout's id: %w", err)
	}
	p := c.policy.Load()
	return &NewRollout{
		ID: fmt.Sprintf("%s-%x", c.Clock().UTC().Format("20060102T150405"), id[:4]), Baseline: baseline,
		Salt: salt, Policy: p.config, PolicyHash: p.hash, Mode: c.Registry.Mode(),
	}, nil
}

func (c *Controller) candidateAllowed(ctx context.Context, cmd Command, baseline string) error {
	version := cmd.Version
	v, err := c.Registry.Candidate(ctx, c.model, version)
	if err != nil {
		return err
	}
	if v.Version == baseline {
		return refuse(Refused, "", "version %s of %s is the baseline already", version, c.model)
	}
	if v.Stage == "Archived" && !cmd.Again {
		return refuse(Refused, "--again takes it on trial all the same", "version %s of %s is archived", version, c.model)
	}
	unfinished, err := c.Registry.Unfinished(ctx, c.model)
	if err != nil {
		return err
	}
	if unfinished != "" {
		return refuse(Refused, "headgate doctor says how to clear it", "the registry holds marks of rollout %s of %s that this journal does not know (orphaned)", unfinished, c.model)
	}
	return nil
}

// served holds what the backends say against what the rollout is to be about.
func (c *Controller) served(h Health, cmd Command, baseline string) error {
	arms := []struct {
		name    string
		health  ArmHealth
		version string
	}{{"candidate", h.Candidate, cmd.Version}, {"baseline", h.Baseline, baseline}}
	for _, a := range arms {
		if !a.health.Verifiable && !cmd.Unverified {
			return refuse(Refused, "--unverified starts all the same, and the record says so", "the %s's version cannot be read: its version_from is none", a.name)
		}
		if ok, why := a.health.serves(a.version); !ok {
			return refuse(Refused, fmt.Sprintf("make its upstreams serve version %s first", a.version), "not started: the %s %s", a.name, why)
		}
	}
	return nil
}

// awaitFinish gives the end of the last rollout a moment to reach the registry.
func (c *Controller) awaitFinish(ctx context.Context) {
	for end := time.Now().Add(finishWait); time.Now().Before(end); {
		if v := c.View(); v.Phase.Live() || !v.Registry.Pending || !Sleep(ctx, pollView) {
			return
		}
	}
}

// awaitStart waits until the registry knows the rollout: without it no user
// reaches the candidate.
func (c *Controller) awaitStart(ctx context.Context, id string) (View, error) {
	for end := time.Now().Add(startWait); time.Now().Before(end); {
		v := c.View()
		switch {
		case v.ID == id && v.Phase != Pending:
			return v, nil
		case v.ID != id:
			return v, refuse(Refused, "", "not started: %s", v.Message)
		}
		if !Sleep(ctx, pollView) {
			return v, errors.Join(ctx.Err(), errors.New("the start goes on without this caller"))
		}
	}
	v := c.View()
	return v, refuse(Unreachable, "it starts as soon as the registry answers; headgate rollback "+c.model+" ends it", "the rollout is pending: the registry has not taken it yet: %s", v.Registry.LastError)
}
