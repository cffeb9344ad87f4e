package proxy

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

func problems(c Config) (all []string) {
	c.Validate(func(path string, value any, wanted string) {
		all = append(all, fmt.Sprintf("%s: %v: wanted %s", path, value, wanted))
	})
	return all
}

func TestDefaults(t *testing.T) {
	c := oneRoute("http://127.0.0.1:8001", "http://127.0.0.1:8000")
	c.Routes[0].Key.Missing = MissingCookie
	c.Routes[0].Force = &Force{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	before := c.Routes[0]
	c.SetDefaults()
	r := c.Routes[0]
	if c.Listen != ":8080" || r.Timeout != 5*time.Second || r.Match.PathPrefix != "/" || r.MaxBody != 10*MiB {
		t.Errorf("got %+v", c)
	}
	if r.Key.Cookie != "headgate_key" || r.Force.Header != "X-Headgate-Force" || c.Upstream.Idle != 2*time.Second {
		t.Errorf("got %+v", r)
	}
	if before.Force.Header != "" {
		t.Error("defaults changed what another copy refers to")
	}
	if p := problems(c); len(p) != 0 {
		t.Errorf("the defaults are refused: %q", p)
	}
}

func TestValidate(t *testing.T) {
	network := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tc := range []struct {
		name   string
		change func(c *Config)
		want   string
	}{
		{"no port", func(c *Config) { c.Listen = "localhost" }, `listen: localhost: wanted an address and port such as :8080 or 127.0.0.1:8080`},
		{"no routes", func(c *Config) { c.Routes = nil }, `routes: <nil>: wanted at least one route`},
		{"no name", func(c *Config) { c.Routes[0].Name = "" }, `routes[0].name: <nil>: wanted a name of letters, digits, '.', '_' and '-'`},
		{"name in a label", func(c *Config) { c.Routes[0].Name = "a b" }, `routes[0].name: a b: wanted a name of letters, digits, '.', '_' and '-'`},
		{"prefix", func(c *Config) { c.Routes[0].Match.PathPrefix = "models" }, `routes[0].match.path_prefix: models: wanted a path such as / or /models/churn`},
		{"query in prefix", func(c *Config) { c.Routes[0].Match.PathPrefix = "/a?b" }, `routes[0].match.path_prefix: /a?b: wanted a path such as / or /models/churn`},
		{"host with port", func(c *Config) { c.Routes[0].Match.Host = "h:80" }, `routes[0].match.host: h:80: wanted a host name without a port, or none for any`},
		{"candidate of nothing", func(c *Config) { c.Routes[0].Model = "" }, `routes[0].model: <nil>: wanted the model that the candidate is a version of`},
		{"no baseline", func(c *Config) { c.Routes[0].Baseline = nil }, `routes[0].baseline: <nil>: wanted the upstreams that users are safely on`},
		{"no upstreams", func(c *Config) { c.Routes[0].Baseline = &ArmConfig{} }, `routes[0].baseline.upstreams: <nil>: wanted at least one address such as http://127.0.0.1:8001`},
		{"no scheme", func(c *Config) { c.Routes[0].Candidate.Upstreams[0] = "127.0.0.1:8001" }, `routes[0].candidate.upstreams[0]: 127.0.0.1:8001: wanted http://host:port, without a path`},
		{"https", func(c *Config) { c.Routes[0].Candidate.Upstreams[0] = "https://h" }, `routes[0].candidate.upstreams[0]: https://h: wanted http://host:port, without a path`},
		{"upstream with a path", func(c *Config) { c.Routes[0].Candidate.Upstreams[0] = "http://h/x" }, `routes[0].candidate.upstreams[0]: http://h/x: wanted http://host:port, without a path`},
		{"upstream twice", func(c *Config) {
			c.Routes[0].Candidate.Upstreams = append(c.Routes[0].Candidate.Upstreams, c.Routes[0].Candidate.Upstreams[0])
		}, `routes[0].candidate.upstreams[1]: http://127.0.0.1:8000: wanted each address once`},
		{"version from nowhere", func(c *Config) { c.Routes[0].Baseline.VersionFrom = &VersionFrom{Field: "v"} }, `routes[0].baseline.version_from.path: <nil>: wanted the path of the health answer, such as /health`},
		{"version in nothing", func(c *Config) { c.Routes[0].Baseline.VersionFrom = &VersionFrom{Path: "/h"} }, `routes[0].baseline.version_from.field: <nil>: wanted the field of the health answer that holds the version, such as version`},
		{"key by the proxy's header", func(c *Config) { c.Routes[0].Key.Header = "X-Forwarded-For" }, `routes[0].key.header: X-Forwarded-For: wanted the name of a request header that users send, such as X-User-Id`},
		{"everyone without a key", func(c *Config) { c.Routes[0].Key.Missing = MissingBaseline }, `routes[0].key.missing: baseline: wanted draw or cookie: without a header or a cookie for the key everyone would stay on the baseline`},
		{"force by anyone", func(c *Config) { c.Routes[0].Force = &Force{Header: "X-A"} }, `routes[0].force.from: <nil>: wanted the networks that may choose an arm, such as 127.0.0.1/32`},
		{"force header", func(c *Config) { c.Routes[0].Force = &Force{Header: "X A", From: network} }, `routes[0].force.header: X A: wanted the name of a request header`},
		{"preview host", func(c *Config) { c.Routes[0].Force = &Force{PreviewHost: "a:80", From: network} }, `routes[0].force.preview_host: a:80: wanted a host name without a port, such as preview.example.org`},
		{"preview host of another route", func(c *Config) {
			c.Routes = append(c.Routes, Route{Name: "b", Match: Match{Host: "b.test", PathPrefix: "/"}, Baseline: c.Routes[0].Baseline})
			c.Routes[1].Timeout, c.Routes[1].MaxBody = time.Second, KiB
			c.Routes[0].Force = &Force{PreviewHost: "B.test", From: network}
		}, `routes[0].force.preview_host: B.test: wanted a name of its own: it is the host of routes[1]`},
		{"preview host that a route without its path answers", func(c *Config) {
			c.Routes[0].Match = Match{PathPrefix: "/api"}
			c.Routes[0].Force = &Force{PreviewHost: "x.test", From: network}
			r := Route{Name: "b", Match: Match{Host: "x.test", PathPrefix: "/"}, Baseline: c.Routes[0].Baseline}
			r.Timeout, r.MaxBody = time.Second, KiB
			c.Routes = append(c.Routes, r)
		}, `routes[0].force.preview_host: x.test: wanted a name of its own: it is the host of routes[1]`},
		{"preview host that users go to", func(c *Config) {
			c.Routes[0].Match.Host = "churn.test"
			c.Routes[0].Force = &Force{PreviewHost: "Churn.test", From: network}
		}, `routes[0].force.preview_host: Churn.test: wanted a name of its own: it is the host of routes[0]`},
		{"preview host of nothing", func(c *Config) {
			c.Routes[0].Candidate = nil
			c.Routes[0].Force = &Force{PreviewHost: "preview.test", From: network}
		}, `routes[0].force.preview_host: preview.test: wanted a candidate beside it, which testers meet there`},
		{"same preview host", func(c *Config) {
			c.Routes[0].Match.Host = "a.test"
			c.Routes = append(c.Routes, previewed(c.Routes[0], "b.test", "/"))
			c.Routes[0].Force = c.Routes[1].Force
		}, `routes[1].force.preview_host: preview.test: wanted a name of its own: routes[0] takes the same requests`},
		{"same preview host, hidden by a longer host", func(c *Config) {
			c.Routes = append(c.Routes, previewed(c.Routes[0], "long.test", "/"))
			c.Routes[0].Match, c.Routes[0].Force = Match{Host: "a.test", PathPrefix: "/api"}, c.Routes[1].Force
		}, `routes[0].force.preview_host: preview.test: wanted a name of its own: routes[1] takes the same requests`},
		{"timeout", func(c *Config) { c.Routes[0].Timeout = -time.Second }, `routes[0].timeout: -1s: wanted a duration from 10ms to 1h`},
		{"body", func(c *Config) { c.Routes[0].MaxBody = 3 * GiB }, `routes[0].max_body: 3GiB: wanted a size from 1 to 2GiB`},
		{"one timeout of many", func(c *Config) { c.Timeouts.Idle = 48 * time.Hour }, `timeouts.idle: 48h0m0s: wanted a duration from 1ms to 24h`},
		{"in flight", func(c *Config) { c.Limits.InFlight = -1 }, `limits.in_flight: -1: wanted at least 1`},
		{"same name", func(c *Config) {
			r := c.Routes[0]
			r.Model, r.Candidate, r.Match.PathPrefix = "", nil, "/b"
			c.Routes = append(c.Routes, r)
		}, `routes[1].name: churn: wanted a name of its own: routes[0] has it`},
		{"same model", func(c *Config) {
			r := c.Routes[0]
			r.Name, r.Match.PathPrefix = "b", "/b"
			c.Routes = append(c.Routes, r)
		}, `routes[1].model: churn-model: wanted one route for each model: routes[0] has it`},
		{"same requests", func(c *Config) {
			r := c.Routes[0]
			r.Name, r.Model, r.Candidate = "b", "", nil
			c.Routes = append(c.Routes, r)
		}, `routes[1].match: <nil>: wanted a host and path_prefix of its own: routes[0] takes the same requests`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := oneRoute("http://127.0.0.1:8001", "http://127.0.0.1:8000")
			c.SetDefaults()
			tc.change(&c)
			if got := problems(c); !slices.Equal(got, []string{tc.want}) {
				t.Errorf("got %q, wanted %q", got, tc.want)
			}
		})
	}
}

// previewed is another route like r, whose testers use the name preview.test.
func previewed(r Route, host, prefix string) Route {
	r.Name, r.Model, r.Match = r.Name+"-2", r.Model+"-2", Match{Host: host, PathPrefix: prefix}
	r.Force = &Force{PreviewHost: "preview.test", From: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	return r
}

// Routes with paths of their own may share a preview host: the more particular
// path is asked first.
func TestRoutesShareAPreviewHost(t *testing.T) {
	c := oneRoute("http://127.0.0.1:8001", "http://127.0.0.1:8000")
	c.SetDefaults()
	c.Routes = append(c.Routes, previewed(c.Routes[0], "", "/api"))
	c.Routes[0].Force = c.Routes[1].Force
	if got := problems(c); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestConfigInYAML(t *testing.T) {
	var got struct {
		Traffic Config
		Routes  []Route
	}
	err := yaml.Unmarshal([]byte(`
traffic: {listen: ":9", limits: {body: 1MiB, in_flight: 7}, timeouts: {drain: 1s}, upstream: {idle: 500ms}, reduce_memory: true}
routes:
  - name: churn
    match: {host: h, path_prefix: /x}
    model: churn-model
    baseline: {upstreams: ["http://127.0.0.1:8001"], version_from: {path: /health, field: version}}
    key: {header: X-User-Id, missing: cookie}
    force: {header: X-F, from: [127.0.0.1/32, "::1/128"]}
    timeout: 3s
    max_body: 64KiB
    expose_arm: true
`), &got)
	if err != nil {
		t.Fatal(err)
	}
	r := got.Routes[0]
	if got.Traffic.Limits != (Limits{Body: MiB, InFlight: 7}) || got.Traffic.Upstream.Idle != 500*time.Millisecond || !got.Traffic.ReduceMemory {
		t.Errorf("got %+v", got.Traffic)
	}
	if r.Key.Missing != MissingCookie || len(r.Force.From) != 2 || r.MaxBody != 64*KiB || r.Baseline.VersionFrom.Field != "version" || !r.ExposeArm {
		t.Errorf("got %+v", r)
	}
	if err := yaml.Unmarshal([]byte("routes: [{key: {missing: never}}]"), &got); err == nil {
		t.Error("an unknown word was taken")
	}
}
