package proxy

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type report = func(path string, value any, wanted string)

// Validate reports every value that cannot be run with, by its path below the
// traffic section; the routes' paths begin with "routes[".
func (c Config) Validate(report func(path string, value any, wanted string)) {
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || !isPort(port, true) {
		report("listen", c.Listen, "an address and port such as :8080 or 127.0.0.1:8080")
	}
	c.validateLimits(report)
	for _, t := range []struct {
		path string
		d    time.Duration
	}{
		{"timeouts.head", c.Timeouts.Head},
		{"timeouts.body", c.Timeouts.Body},
		{"timeouts.idle", c.Timeouts.Idle},
		{"timeouts.write", c.Timeouts.Write},
		{"timeouts.drain", c.Timeouts.Drain},
		{"upstream.connect", c.Upstream.Connect},
		{"upstream.idle", c.Upstream.Idle},
		{"upstream.wait", c.Upstream.Wait},
		{"upstream.silence", c.Upstream.Silence},
		{"upstream.probe", c.Upstream.Probe},
	} {
		if t.d < time.Millisecond || t.d > 24*time.Hour {
			report(t.path, t.d, "a duration from 1ms to 24h")
		}
	}
	if len(c.Routes) == 0 {
		report("routes", nil, "at least one route")
	}
	c.validateRoutes(report)
}

func (c Config) validateLimits(report report) {
	for _, s := range []struct {
		path     string
		size     Size
		from, to Size
	}{
		{"limits.target", c.Limits.Target, 256, MiB},
		{"limits.head", c.Limits.Head, KiB, MiB},
		{"limits.body", c.Limits.Body, 1, 2 * GiB},
		{"upstream.answer_head", c.Upstream.AnswerHead, KiB, MiB},
	} {
		if s.size < s.from || s.size > s.to {
			report(s.path, s.size, fmt.Sprintf("a size from %s to %s", s.from, s.to))
		}
	}
	if c.Limits.Target > c.Limits.Head {
		report("limits.target", c.Limits.Target, "no more than limits.head")
	}
	if c.Limits.InFlight < 1 {
		report("limits.in_flight", c.Limits.InFlight, "at least 1")
	}
	if c.Upstream.Connections < 1 || c.Upstream.Connections > 60_000 {
		report("upstream.connections", c.Upstream.Connections, "1 to 60000")
	}
}

func (c Config) validateRoutes(report report) {
	names, models, matches := map[string]int{}, map[string]int{}, map[Match]int{}
	for i, r := range c.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		r.validate(at, report)
		if first, twice := names[r.Name]; twice && r.Name != "" {
			report(at+".name", r.Name, fmt.Sprintf("a name of its own: routes[%d] has it", first))
		}
		if first, twice := models[r.Model]; twice && r.Model != "" {
			report(at+".model", r.Model, fmt.Sprintf("one route for each model: routes[%d] has it", first))
		}
		key := Match{strings.ToLower(r.Match.Host), r.Match.PathPrefix}
		if first, twice := matches[key]; twice {
			report(at+".match", nil, fmt.Sprintf("a host and path_prefix of its own: routes[%d] takes the same requests", first))
		}
		names[r.Name], models[r.Model], matches[key] = i, i, i
	}
	c.validatePreviews(report)
}

func (r Route) validate(at string, report report) {
	if !isLabel(r.Name) {
		report(at+".name", orNil(r.Name), "a name of letters, digits, '.', '_' and '-'")
	}
	if r.Match.Host != "" && !validName(r.Match.Host) {
		report(at+".match.host", r.Match.Host, "a host name without a port, or none for any")
	}
	if !isPath(r.Match.PathPrefix) || strings.Contains(r.Match.PathPrefix, "?") {
		report(at+".match.path_prefix", r.Match.PathPrefix, "a path such as / or /models/churn")
	}
	if r.Candidate != nil && r.Model == "" {
		report(at+".model", nil, "the model that the candidate is a version of")
	}
	if r.Baseline == nil {
		report(at+".baseline", nil, "the upstreams that users are safely on")
	} else {
		r.Baseline.validate(at+".baseline", report)
	}
	if r.Candidate != nil {
		r.Candidate.validate(at+".candidate", report)
	}
	r.Key.validate(at+".key", report)
	if r.Force != nil {
		r.Force.validate(at+".force", report)
	}
	if r.Payload != nil {
		r.Payload.validate(at+".payload", report)
	}
	r.validateErrors(at, report)
	r.validateShadow(at, report)
	if r.Timeout < 10*time.Millisecond || r.Timeout > time.Hour {
		report(at+".timeout", r.Timeout, "a duration from 10ms to 1h")
	}
	if r.MaxBody < 1 || r.MaxBody > 2*GiB {
		report(at+".max_body", r.MaxBody, "a size from 1 to 2GiB")
	}
}

func (a ArmConfig) validate(at string, report report) {
	if len(a.Upstreams) == 0 {
		report(at+".upstreams", nil, "at least one address such as http://127.0.0.1:8001")
	}
	seen := map[string]bool{}
	for i, u := range a.Upstreams {
		path := fmt.Sprintf("%s.upstreams[%d]", at, i)
		if _, err := upstreamAddress(u); err != nil {
			report(path, u, "http://host:port, without a path")
		} else if seen[u] {
			report(path, u, "each address once")
		}
		seen[u] = true
	}
	if a.VersionFrom == nil {
		return
	}
	if !isPath(a.VersionFrom.Path) {
		report(at+".version_from.path", orNil(a.VersionFrom.Path), "the path of the health answer, such as /health")
	}
	if a.VersionFrom.Field == "" {
		report(at+".version_from.field", nil, "the field of the health answer that holds the version, such as version")
	}
}

func (r Route) validateShadow(at string, report report) {
	if r.Shadow == nil {
		return
	}
	if r.Candidate == nil {
		report(at+".shadow", nil, "a candidate beside it, which gets the copies")
	}
	r.Shadow.Validate(func(path string, value any, wanted string) { report(at+".shadow."+path, value, wanted) })
}

func (k Key) validate(at string, report report) {
	if k.Header != "" && (!isToken(k.Header) || reservedKeyHeader(k.Header)) {
		report(at+".header", k.Header, "the name of a request header that users send, such as X-User-Id")
	}
	if k.Cookie != "" && !isToken(k.Cookie) {
		report(at+".cookie", k.Cookie, "the name of a cookie")
	}
	if k.Missing > MissingCookie {
		report(at+".missing", k.Missing, "draw, baseline or cookie")
	}
	if k.Missing == MissingBaseline && k.Header == "" && k.Cookie == "" {
		report(at+".missing", k.Missing, "draw or cookie: without a header or a cookie for the key everyone would stay on the baseline")
	}
}

// validName is a host without a port.
func validName(host string) bool { return validHost([]byte(host)) && !strings.Contains(host, ":") }

func (f Force) validate(at string, report report) {
	if f.Header != "" && !isToken(f.Header) {
		report(at+".header", f.Header, "the name of a request header")
	}
	if f.Cookie != "" && !isToken(f.Cookie) {
		report(at+".cookie", f.Cookie, "the name of a cookie")
	}
	if f.PreviewHost != "" && !validName(f.PreviewHost) {
		report(at+".preview_host", f.PreviewHost, "a host name without a port, such as preview.example.org")
	}
	if len(f.From) == 0 {
		report(at+".from", nil, "the networks that may choose an arm, such as 127.0.0.1/32")
	}
	for i, n := range f.From {
		if !n.IsValid() {
			report(fmt.Sprintf("%s.from[%d]", at, i), nil, "a network such as 127.0.0.1/32")
		}
	}
}

// upstreamAddress returns host:port of http://host:port.
func upstreamAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("upstream %q: %w", text, err)
	}
	if u.Scheme != "http" || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "" {
		return "", fmt.Errorf("upstream %q: wanted http://host:port", text)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	if !isPort(port, false) || !validHost([]byte(u.Host)) {
		return "", fmt.Errorf("upstream %q: wanted http://host:port", text)
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

func isPort(s string, zero bool) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && (zero || n > 0)
}

func isLabel(s string) bool {
	for _, c := range []byte(s) {
		if !isAlnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return s != ""
}

func isPath(s string) bool {
	return strings.HasPrefix(s, "/") && validTarget([]byte(s))
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
