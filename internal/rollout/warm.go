package rollout

import (
	"context"
	"errors"
)

// checkIdle asks the idle colour until it answers well. Health and version are
// seen by the probes, at the moment of the switch.
func (c *Controller) checkIdle(ctx context.Context, s Step, step int) {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		said := IdleChecked{Step: step}
		var err error
		switch {
		case s.BlueGreen == nil || s.BlueGreen.Check == nil:
		case c.Warmer == nil:
			err = errors.New("nothing here can check an idle colour")
		default:
			said.Answered, err = c.Warmer.WarmUp(ctx, c.model, *s.BlueGreen.Check)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			said.Error = err.Error()
		}
		c.post(said)
		if err == nil || !Sleep(ctx, wait) {
			return
		}
	}
}
