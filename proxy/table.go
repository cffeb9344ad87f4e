package proxy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/shadow"
)

// table is everything a request needs to know, immutable. A request loads it
// once.
type table struct {
	config   Config
	routes   []*route // the more particular first
	unrouted *codeCounters
}

// route is a Route with its arms, assignment and metrics.
type route struct {
	config     Route  // its arms in their roles
	written    Route  // as it is configured
	exchanged  bool   // the roles are the other way round than it is written
	host       string // lower case
	preview    string // lower case: another name, whose users are testers of the candidate
	assignment Assignment
	arms       [2]*arm // by canary.Arm; no candidate: nil
	metrics    [2]*armMetrics
	fallbacks  prometheus.Counter
	cookie     string // the attributes of the key's cookie
	tap        *routeTap
	tapMetrics *[2]tapMetrics
	mirror     *shadow.Mirror // nil: nothing is mirrored
}

func newTable(c Config, m *metrics, routes []*route) *table {
	slices.SortStableFunc(routes, func(a, b *route) int { return a.config.Match.order(b.config.Match) })
	return &table{config: c, routes: routes, unrouted: m.ofCodes(nowhere, nowhere)}
}

// order is below 0 when requests are held against m before other, the more
// particular first, and 0 when they are held against them as these are written.
func (m Match) order(other Match) int {
	return cmp.Or(cmp.Compare(len(other.Host), len(m.Host)), cmp.Compare(len(other.PathPrefix), len(m.PathPrefix)))
}

func newRoute(written Route, m *metrics, arms [2]*arm, a Assignment) *route {
	c := a.Colours.InRole(written)
	r := &route{config: c, written: written, exchanged: a.Colours.exchanged(written), host: strings.ToLower(c.Match.Host), arms: arms, assignment: a, fallbacks: m.fallbacks.WithLabelValues(c.Name)}
	for _, which := range []canary.Arm{canary.Baseline, canary.Candidate} {
		r.metrics[which] = m.ofArm(c.Name, which)
	}
	if c.Force != nil {
		r.preview = strings.ToLower(c.Force.PreviewHost)
	}
	r.tapMetrics = m.tap.ofRoute(c.Name)
	r.tap = newRouteTap(c, a.Recorder, r.tapMetrics)
	r.cookie = "; Path=" + c.Match.PathPrefix + "; Max-Age=31536000; HttpOnly; SameSite=Lax\r\n"
	return r
}

// assign returns a copy of the table in which the model has the assignment.
func (t *table) assign(model string, a Assignment, mirrorOf func(Route, Assignment) *shadow.Mirror) *table {
	next := *t
	next.routes = slices.Clone(t.routes)
	for i, r := range next.routes {
		if r.config.Model == model {
			changed := r.take(a)
			changed.mirror = mirrorOf(changed.config, a)
			next.routes[i] = changed
		}
	}
	return &next
}

// match finds the route for a host without its port and a target as it was
// sent by a client at that address.
func (t *table) match(host, target []byte, client netip.Addr) *route {
	for _, r := range t.routes {
		if (r.host == "" || equalFold(host, r.host) || r.previews(host, client)) && underPrefix(target, r.config.Match.PathPrefix) {
			return r
		}
	}
	return nil
}

// underPrefix compares byte by byte; a prefix ends where a path segment ends.
func underPrefix(target []byte, prefix string) bool {
	if len(target) < len(prefix) || string(target[:len(prefix)]) != prefix {
		return false
	}
	if len(target) == len(prefix) || prefix[len(prefix)-1] == '/' {
		return true
	}
	next := target[len(prefix)]
	return next == '/' || next == '?'
}
