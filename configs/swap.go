package configs

import (
	"fmt"
	"slices"

	"github.com/headgate/headgate/proxy"
)

// validateSwap refuses copies that would go to the upstreams of one arm by name:
// once the arms have swapped, these are the ones that serve users.
func (p *Policy) validateSwap(model string, r report) {
	after := p.Models[model].AfterPromote
	if after == nil || !after.Swap {
		return
	}
	for i, route := range p.Routes {
		if route.Model != model {
			continue
		}
		for _, j := range copiesToArms(route) {
			r(fmt.Sprintf("routes[%d].shadow.upstreams[%d]", i, j), route.Shadow.Upstreams[j], fmt.Sprintf("none of an arm: with after_promote.swap of %s the arms change their roles; without shadow.upstreams copies go to the idle one", model))
		}
	}
}

// CopiesToArm names an upstream of an arm that the model's route has copies sent
// to; "" when there is none. Load refuses it only with after_promote.swap, and arms
// that have swapped stay so when that is taken out.
func (p *Policy) CopiesToArm(model string) string {
	for _, route := range p.Routes {
		if at := copiesToArms(route); route.Model == model && len(at) > 0 {
			return route.Shadow.Upstreams[at[0]]
		}
	}
	return ""
}

// copiesToArms are the places in shadow.upstreams where an upstream of an arm stands.
func copiesToArms(r proxy.Route) (at []int) {
	if r.Candidate == nil || r.Baseline == nil || r.Shadow == nil {
		return nil
	}
	for i, url := range r.Shadow.Upstreams {
		if slices.Contains(r.Baseline.Upstreams, url) || slices.Contains(r.Candidate.Upstreams, url) {
			at = append(at, i)
		}
	}
	return at
}
