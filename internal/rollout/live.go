package rollout

import "github.com/headgate/headgate/internal/kpi"

// Live is what is measured of the rollout under way, for those who bring
// outcomes and values from outside. Its fields never change.
type Live struct {
	Rollout  string
	Recorder *kpi.Recorder
	// Policy is the one that the rollout began with.
	Policy Config
}

// Live is nil while no rollout is measured. It never blocks.
func (c *Controller) Live() *Live { return c.live.Load() }

func (c *Controller) publishLive() {
	last := c.live.Load()
	switch {
	case c.evidence == nil:
		c.live.Store(nil)
	case last == nil || last.Recorder != c.evidence.recorder:
		c.live.Store(&Live{Rollout: c.state.ID, Recorder: c.evidence.recorder, Policy: c.state.Policy})
	}
}
