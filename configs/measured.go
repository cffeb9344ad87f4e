package configs

import (
	"fmt"

	"github.com/headgate/headgate/internal/judge"
	"github.com/headgate/headgate/proxy"
)

// validateMeasured refuses gates on what the model's routes do not read: such a
// gate would never speak.
func (p *Policy) validateMeasured(model string, r report) {
	for _, n := range p.Models[model].Needs() {
		for i, route := range p.Routes {
			if route.Model != model || route.Candidate == nil {
				continue
			}
			if wanted := unread(n, route, fmt.Sprintf("routes[%d]", i)); wanted != "" {
				r(fmt.Sprintf("models.%s.gates[%d].%s", model, n.Gate, n.Field), n.Text, wanted)
			}
		}
	}
}

// unread says what a route lacks for a KPI; "" when nothing.
func unread(n judge.Need, route proxy.Route, at string) string {
	switch {
	case !n.Payload:
		return ""
	case route.Payload == nil:
		return fmt.Sprintf("%s.payload, such as {predictions: predictions}: %s is read from bodies", at, n.KPI)
	case n.Group && route.Payload.Group == "":
		return fmt.Sprintf("%s.payload.group, the path of the user's group: %s compares groups", at, n.KPI)
	case n.Contract && route.Payload.Contract == nil:
		return fmt.Sprintf("%s.payload.contract: %s counts the requests that break it", at, n.KPI)
	}
	return ""
}
