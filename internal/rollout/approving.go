package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// approvalText bounds what an approval may say, in bytes.
const approvalText = 2000

// Approve keeps a person's approval and returns it as it is kept: an older one
// when it was given before. Role and By have been seen on the caller's token.
// What is not taken comes back as a *Refusal.
func (c *Controller) Approve(ctx context.Context, a Approval) (Approval, error) {
	switch {
	case a.Version == "":
		return a, refuse(Invalid, "", "an approval is for a version")
	case a.For != ForStaging && a.For != ForProduction:
		return a, refuse(Invalid, "", "an approval is for %s or %s, not %q", ForStaging, ForProduction, a.For)
	case strings.TrimSpace(a.Role) == "":
		return a, refuse(Invalid, "--role ROLE, one that your token carries", "an approval is given in a role")
	case len(a.Comment) > approvalText:
		return a, refuse(Invalid, "", "a comment has at most %d bytes, this one has %d", approvalText, len(a.Comment))
	}
	if _, err := c.Registry.Candidate(ctx, c.model, a.Version); err != nil {
		return a, err
	}
	if err := c.send(ctx, Approving{Approval: a, Policy: c.policy.Load().config}); err != nil {
		return a, err
	}
	for _, x := range slices.Backward(c.View().Approvals) {
		if x.Version == a.Version && x.For == a.For && x.Role == a.Role && x.By == a.By {
			return x, nil
		}
	}
	return a, fmt.Errorf("the approval of version %s by %s was not kept", a.Version, a.By)
}
