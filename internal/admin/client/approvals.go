package client

import (
	"context"
	"net/url"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/rollout"
)

// Approval is a person's word for a version.
type Approval = admin.Approval

// What an approval can be for.
const (
	ForStaging    = rollout.ForStaging
	ForProduction = rollout.ForProduction
)

// Approve gives one: model, version, for, role and comment of a; who gives it is
// the token. Giving it twice changes nothing.
func (c *Client) Approve(ctx context.Context, a Approval) (kept Approval, err error) {
	body := map[string]string{"model": a.Model, "version": a.Version, "for": a.For, "role": a.Role, "comment": a.Comment}
	err = c.post(ctx, body, &kept, "api", "v1", "approvals")
	return kept, err
}

// Approvals lists those of a model, of every one when it is "".
func (c *Client) Approvals(ctx context.Context, model string) (list []Approval, err error) {
	query := url.Values{}
	if model != "" {
		query.Set("model", model)
	}
	err = c.get(ctx, &list, query, "api", "v1", "approvals")
	return list, err
}
