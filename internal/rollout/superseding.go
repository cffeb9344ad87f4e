package rollout

import (
	"context"
	"time"
)

// supersedeWait is how long a start waits for the rollout that it ends.
const supersedeWait = 30 * time.Second

// supersede ends the rollout under way where its policy lets another version do
// that, and returns when the registry has been told. Nothing is ended for a
// version that could not start.
func (c *Controller) supersede(ctx context.Context, cmd Command, h Health) error {
	v := c.View()
	on := c.policy.Load().config.OnNewer
	if live := c.Live(); live != nil {
		on = live.Policy.OnNewer
	}
	if !v.Phase.Live() || on != OnNewerSupersede || cmd.Version == "" || v.Candidate.Version == cmd.Version {
		return nil // prepare says what it thinks of it
	}
	if v.Phase != RollingBack {
		if err := c.couldStart(ctx, cmd, h, v); err != nil {
			return err
		}
		if err := c.send(ctx, Superseding{Command: cmd, Health: h, Gates: v.Gates}); err != nil {
			return err
		}
	}
	for end := time.Now().Add(supersedeWait); time.Now().Before(end); {
		if v = c.View(); !v.Phase.Live() && !v.Registry.Pending {
			return nil
		}
		if !Sleep(ctx, pollView) {
			return ctx.Err()
		}
	}
	return refuse(Unreachable, "start it when headgate status says rolled_back", "version %s is taken back, and the registry has not been told yet: %s", v.Candidate.Version, v.Registry.LastError)
}

// couldStart looks at all that can be seen before the rollout under way is over.
func (c *Controller) couldStart(ctx context.Context, cmd Command, h Health, v View) error {
	if until, frozen := c.policy.Load().config.Frozen(c.Clock()); frozen {
		return refuse(Refused, "start it then", "not started: frozen until %s", until.Format(time.RFC3339))
	}
	if cmd.Version == v.Baseline.Version {
		return refuse(Refused, "", "version %s of %s is the baseline already", cmd.Version, c.model)
	}
	found, err := c.Registry.Candidate(ctx, c.model, cmd.Version)
	if err != nil {
		return err
	}
	if found.Stage == "Archived" && !cmd.Again {
		return refuse(Refused, "--again takes it on trial all the same", "version %s of %s is archived", cmd.Version, c.model)
	}
	return c.served(h, cmd, v.Baseline.Version)
}
