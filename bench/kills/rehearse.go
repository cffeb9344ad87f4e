package main

import (
	"context"
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
)

// rehearse rolls back without a kill and returns the steps of the calls.
func (c *cycle) rehearse(ctx context.Context, dir, model string) ([]step, error) {
	ctx, cancel := context.WithTimeout(ctx, cycleLimit)
	defer cancel()
	defer func() {
		c.h.end()
	}()
	if err := c.begin(ctx, dir, model); err != nil {
		return nil, err
	}
	defer c.users.close()
	c.fail()
	if _, err := c.h.Await(ctx, "rolled back", 60*time.Second, func(v client.View) bool { return v.Phase == "rolled_back" }); err != nil {
		return nil, err
	}
	var r result
	c.killed, c.killedAt, c.answering = time.Now(), since(time.Now()), since(time.Now())
	steps := stepsOf(c.h.relay.calls())
	if err := c.check(ctx, &r); err != nil {
		return nil, err
	}
	if len(r.violations) > 0 {
		return nil, fmt.Errorf("%v", r.violations)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("no calls to MLflow were seen")
	}
	return steps, nil
}
