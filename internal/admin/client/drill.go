package client

import (
	"context"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/drill"
)

type (
	// DrillOrder asks for a drill.
	DrillOrder = admin.DrillOrder
	// Drills is what is known of a model's drills.
	Drills = drill.Status
	// DrillRecord is one that has ended.
	DrillRecord = drill.Record
	// Moment is where in a rollout the candidate turns bad.
	Moment = drill.Moment
)

// The moments, and the results of drills.
const (
	InCanary    = drill.InCanary
	InBake      = drill.InBake
	DrillMet    = drill.Met
	DrillMissed = drill.Missed
	DrillFailed = drill.Failed
)

// StartDrill begins a drill and returns what is known at once.
func (c *Client) StartDrill(ctx context.Context, model string, o DrillOrder) (s Drills, err error) {
	err = c.post(ctx, o, &s, "api", "v1", "drills", model)
	return s, err
}

// Drill is what is known of the model's drills.
func (c *Client) Drill(ctx context.Context, model string) (s Drills, err error) {
	err = c.get(ctx, &s, nil, "api", "v1", "drills", model)
	return s, err
}
