package proxy

import (
	"fmt"
	"net/netip"
	"strings"
)

// previews says whether a client is a tester who asks for the candidate by name.
func (r *route) previews(host []byte, client netip.Addr) bool {
	return r.preview != "" && equalFold(host, r.preview) && r.config.Force.holds(client)
}

// validatePreviews refuses the names at which a tester would meet another route
// or the baseline: that looks as if the candidate had been tried.
func (c Config) validatePreviews(report report) {
	for i, r := range c.Routes {
		if r.Force == nil || r.Force.PreviewHost == "" {
			continue
		}
		at, name := fmt.Sprintf("routes[%d].force.preview_host", i), r.Force.PreviewHost
		if r.Candidate == nil {
			report(at, name, "a candidate beside it, which testers meet there")
		}
		for k, other := range c.Routes {
			switch before := other.Match.order(r.Match); {
			case strings.EqualFold(other.Match.Host, name):
				report(at, name, fmt.Sprintf("a name of its own: it is the host of routes[%d]", k))
			case (before < 0 || before == 0 && k < i) && other.hidesPreview(r):
				report(at, name, fmt.Sprintf("a name of its own: routes[%d] takes the same requests", k))
			}
		}
	}
}

// hidesPreview says whether r, asked before other, takes all that other's testers
// ask for: it has the same preview host and at least their paths.
func (r Route) hidesPreview(other Route) bool {
	return r.Force != nil && strings.EqualFold(r.Force.PreviewHost, other.Force.PreviewHost) &&
		underPrefix([]byte(other.Match.PathPrefix), r.Match.PathPrefix)
}
