package configs

import (
	"fmt"
	"slices"
)

// validateSwap refuses copies that would go to the upstreams of one arm by name:
// once the arms have swapped, these are the ones that serve users.
func (p *Policy) validateSwap(model string, r report) {
	after := p.Models[model].AfterPromote
	if after == nil || !after.Swap {
		return
	}
	for i, route := range p.Routes {
		if route.Model != model || route.Candidate == nil || route.Baseline == nil || route.Shadow == nil {
			continue
		}
		for j, url := range route.Shadow.Upstreams {
			if slices.Contains(route.Baseline.Upstreams, url) || slices.Contains(route.Candidate.Upstreams, url) {
				r(fmt.Sprintf("routes[%d].shadow.upstreams[%d]", i, j), url, fmt.Sprintf("none of an arm: with after_promote.swap of %s the arms change their roles; without shadow.upstreams copies go to the idle one", model))
			}
		}
	}
}
