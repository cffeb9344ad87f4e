package configs

import "github.com/headgate/headgate/proxy"

// verifiable says whether both arms of a route tell which version they serve.
func verifiable(r proxy.Route) bool {
	return r.Baseline != nil && r.Baseline.VersionFrom != nil && r.Candidate.VersionFrom != nil
}
