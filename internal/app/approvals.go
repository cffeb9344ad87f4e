package app

import (
	"context"

	"github.com/headgate/headgate/internal/rollout"
)

// Approve keeps a person's approval of a version.
func (a *App) Approve(ctx context.Context, name string, given rollout.Approval) (rollout.Approval, error) {
	m, err := a.model(name)
	if err != nil {
		return rollout.Approval{}, err
	}
	m.observe(ctx) // a version that a backend reports is known at once
	return m.ctl.Approve(ctx, given)
}
