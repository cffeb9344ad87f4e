package configs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/rollout"
)

// afterPromote says how a rollout that went well ends; "" without a promotion.
func afterPromote(c rollout.Config) string {
	if !slices.ContainsFunc(c.Plan, func(s rollout.Step) bool { return s.Promote != nil }) {
		return ""
	}
	const returns = "traffic returns to them once they are seen to serve it"
	a := c.AfterPromote
	switch {
	case a == nil:
		return "at the end the baseline's upstreams are waited for to serve the new version, which nothing here tells them; " + returns
	case a.Swap:
		return "at the end the arms swap roles: the candidate's upstreams become the baseline's in one swap of the routing table, and the others are idle until the next version is loaded there; " +
			"so the upstreams of either arm have to carry all users"
	case len(a.Command) > 0:
		return fmt.Sprintf("at the end %s is run, for at most %s, to have the baseline's upstreams load the new version; %s", strings.Join(a.Command, " "), short(a.Timeout), returns)
	}
	return fmt.Sprintf("at the end %s is called on each of the baseline's upstreams, for at most %s, to load the new version; %s", a.Reload, short(a.Timeout), returns)
}
