package configs

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/alerts"
)

type report = func(path string, value any, wanted string)

// validate lets every package look at its part, then looks at what no package
// can see alone.
func (p *Policy) validate(r report) {
	if p.Version != FormatVersion {
		r("version", nonZero(p.Version), fmt.Sprintf("%d, the format of this file", FormatVersion))
	}
	p.Proxy().Validate(func(path string, value any, wanted string) {
		if path == "routes" || strings.HasPrefix(path, "routes[") {
			r(path, value, wanted)
			return
		}
		r(join("traffic", path), value, wanted)
	})
	p.Admin.Validate(under("admin", r))
	p.State.Validate(under("state", r))
	p.Registry.Validate(under("registry", r))
	for _, name := range slices.Sorted(maps.Keys(p.Models)) {
		at := join("models", name)
		m := p.Models[name]
		m.Validate(under(at, r))
		alerts.ValidateFor(name, m.OnAlert, func(path string, value any, wanted string) { r(at+".on_alert"+path, value, wanted) })
		if m.Drill != nil {
			m.Drill.Validate(under(join(at, "drill"), r))
		}
		for i, place := range m.Incidents {
			place.Validate(under(fmt.Sprintf("%s.incidents[%d]", at, i), r))
		}
	}
	p.validateModels(r)
	p.validateListeners(r)
}

// validateModels holds routes and models against each other.
func (p *Policy) validateModels(r report) {
	tried := map[string]bool{}
	for i, route := range p.Routes {
		if route.Candidate == nil {
			continue
		}
		tried[route.Model] = true
		if _, ok := p.Models[route.Model]; !ok && route.Model != "" {
			wanted := "a model with a policy under models: the route has a candidate"
			if len(p.Models) > 0 {
				wanted += " (" + oneOf(slices.Collect(maps.Keys(p.Models)), route.Model) + ")"
			}
			r(fmt.Sprintf("routes[%d].model", i), route.Model, wanted)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Models)) {
		at := join("models", name)
		if !tried[name] {
			r(at, nil, "a route with model: "+name+" and a candidate, or no policy for it")
		}
		if strings.TrimSpace(name) == "" || strings.ContainsAny(name, "/:") {
			r(at, nil, "a model name as MLflow takes it: without / and :")
		}
		p.validateMeasured(name, r)
		p.validateApprovers(name, r)
		p.validateSwap(name, r)
	}
}

// validateApprovers refuses a plan that waits for a role which no token can have.
func (p *Policy) validateApprovers(model string, r report) {
	for i, s := range p.Models[model].Plan {
		if s.Approve == nil || s.Approve.Role == "" || slices.Contains(p.Admin.Approvers, s.Approve.Role) {
			continue
		}
		wanted := "a name listed under admin.approvers"
		if len(p.Admin.Approvers) > 0 {
			wanted += " (" + oneOf(p.Admin.Approvers, s.Approve.Role) + ")"
		}
		r(fmt.Sprintf("models.%s.plan[%d].approve.role", model, i), s.Approve.Role, wanted)
	}
}

// validateListeners refuses one address for users and operators.
func (p *Policy) validateListeners(r report) {
	traffic, portT, errT := net.SplitHostPort(p.Traffic.Listen)
	desk, portA, errA := net.SplitHostPort(p.Admin.Listen)
	if errT != nil || errA != nil || portT != portA || portT == "0" {
		return // the packages have said what is wrong with each
	}
	anywhere := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	if traffic == desk || anywhere(traffic) || anywhere(desk) {
		r("admin.listen", p.Admin.Listen, "another port than traffic.listen has")
	}
}

func under(prefix string, r report) report {
	return func(path string, value any, wanted string) {
		if path == "" {
			r(prefix, value, wanted)
			return
		}
		r(join(prefix, path), value, wanted)
	}
}

func nonZero(v int) any {
	if v == 0 {
		return nil
	}
	return v
}
