package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/shadow"
)

type (
	// ShadowReport is how the answers to mirrored requests compare.
	ShadowReport = admin.ShadowReport
	// ShadowPair is a live answer and the shadow's that disagree.
	ShadowPair = shadow.Sample
	// ShadowScores are the scores of both.
	ShadowScores = shadow.Scores
	// ShadowConfusion counts predictions by both classes.
	ShadowConfusion = shadow.Confusion
)

// Shadow asks what a model's mirror has compared, with the newest limit pairs
// that disagree.
func (c *Client) Shadow(ctx context.Context, model string, limit int) (report ShadowReport, err error) {
	err = c.get(ctx, &report, url.Values{"limit": {strconv.Itoa(limit)}}, "api", "v1", "rollouts", model, "shadow")
	return report, err
}
