package proxy

import (
	"net/netip"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/payload"
	"github.com/headgate/headgate/shadow"
)

// Defaults of the data plane.
const (
	DefaultListen = ":8080"

	DefaultMaxTarget   = 8 * KiB  // longest request target; 414 above
	DefaultMaxHead     = 32 * KiB // longest request head; 431 above
	DefaultMaxBody     = 10 * MiB // largest request body; 413 above
	DefaultMaxInFlight = 10_000   // requests being answered at once; 503 above
	DefaultAnswerHead  = 32 * KiB // longest head of an upstream's answer; 502 above

	DefaultHeadTimeout  = 10 * time.Second // from a head's first byte to its last
	DefaultBodyTimeout  = time.Minute      // from a body's first byte to its last
	DefaultIdleTimeout  = 75 * time.Second // between two requests of a client
	DefaultWriteTimeout = time.Minute      // a client that takes nothing for so long is cut
	DefaultDrain        = 5 * time.Second  // answers say "Connection: close" for so long before the end

	DefaultConnectTimeout = time.Second     // leaves time to fall back to the baseline
	DefaultUpstreamIdle   = 2 * time.Second // gunicorn closes idle connections after 2 s, uvicorn after 5 s
	DefaultUpstreamConns  = 512             // connections to one upstream
	DefaultUpstreamWait   = time.Second     // for a connection to become free; then 503
	DefaultStreamSilence  = time.Minute     // between two pieces of a streamed answer
	DefaultProbeTimeout   = time.Second     // for a health answer

	DefaultRouteTimeout = 5 * time.Second // to the end of an answer, or to a stream's head
	DefaultKeyCookie    = "headgate_key"
	DefaultForceHeader  = "X-Headgate-Force"

	DefaultPayloadBody = 64 * KiB // largest body that is read
)

// Config is the data plane of a policy. The zero value plus SetDefaults plus
// at least one route is complete.
type Config struct {
	Listen   string         `yaml:"listen"`
	Limits   Limits         `yaml:"limits,omitempty"`
	Timeouts Timeouts       `yaml:"timeouts,omitempty"`
	Upstream UpstreamConfig `yaml:"upstream,omitempty"`
	// ReduceMemory lets buffers go while a client is idle: less memory for
	// many idle connections, more work per request.
	ReduceMemory bool `yaml:"reduce_memory,omitempty"`
	// Routes stand at the top of a policy file, not under traffic.
	Routes []Route `yaml:"-"`
}

// Limits bound what a client may send and how much is done at once.
type Limits struct {
	Target   Size `yaml:"target,omitempty"`
	Head     Size `yaml:"head,omitempty"`
	Body     Size `yaml:"body,omitempty"`
	InFlight int  `yaml:"in_flight,omitempty"`
}

// Timeouts bound how long a client may take.
type Timeouts struct {
	Head  time.Duration `yaml:"head,omitempty"`
	Body  time.Duration `yaml:"body,omitempty"`
	Idle  time.Duration `yaml:"idle,omitempty"`
	Write time.Duration `yaml:"write,omitempty"`
	Drain time.Duration `yaml:"drain,omitempty"`
}

// UpstreamConfig is how connections to upstreams are made and kept.
type UpstreamConfig struct {
	Connect     time.Duration `yaml:"connect,omitempty"`
	Idle        time.Duration `yaml:"idle,omitempty"` // below the backend's own keep-alive time
	Connections int           `yaml:"connections,omitempty"`
	Wait        time.Duration `yaml:"wait,omitempty"`
	Silence     time.Duration `yaml:"silence,omitempty"`
	Probe       time.Duration `yaml:"probe,omitempty"`
	AnswerHead  Size          `yaml:"answer_head,omitempty"`
}

// Route sends the requests it matches to the arms of one model.
type Route struct {
	Name      string        `yaml:"name"`
	Match     Match         `yaml:"match,omitempty"`
	Model     string        `yaml:"model,omitempty"`
	Baseline  *ArmConfig    `yaml:"baseline"`
	Candidate *ArmConfig    `yaml:"candidate,omitempty"` // nil: a plain proxy
	Key       Key           `yaml:"key,omitempty"`
	Force     *Force        `yaml:"force,omitempty"`
	Timeout   time.Duration `yaml:"timeout,omitempty"`
	MaxBody   Size          `yaml:"max_body,omitempty"`
	ExposeArm bool          `yaml:"expose_arm,omitempty"` // X-Headgate-Arm on answers
	// Payload says what of bodies is read; nil: nothing.
	Payload *Payload `yaml:"payload,omitempty"`
	// Errors are failures besides answers from 500 on and those that do not
	// come; nil: none.
	Errors *payload.Errors `yaml:"errors,omitempty"`
	// Shadow is how requests are mirrored while a plan asks for it; nil: with the
	// defaults.
	Shadow *shadow.Config `yaml:"shadow,omitempty"`
}

// Match says which requests a route takes. A route with a host comes before
// one without; then the longest prefix wins. Prefixes are compared byte by
// byte and end at a slash, a question mark or the end of the path.
type Match struct {
	Host       string `yaml:"host,omitempty"` // without a port; empty: any
	PathPrefix string `yaml:"path_prefix,omitempty"`
}

// ArmConfig is the backends of one arm.
type ArmConfig struct {
	Upstreams   []string     `yaml:"upstreams"` // http://host:port
	VersionFrom *VersionFrom `yaml:"version_from,omitempty"`
}

// VersionFrom is where an upstream tells which version it serves. Nil: it does
// not, and its probe is a connection that opens.
type VersionFrom struct {
	Path  string `yaml:"path"`
	Field string `yaml:"field"` // a gjson path to a string or a number
}

// Key says what keeps a user on an arm: the header, else the cookie.
type Key struct {
	Header  string  `yaml:"header,omitempty"`
	Cookie  string  `yaml:"cookie,omitempty"`
	Missing Missing `yaml:"missing,omitempty"`
}

// Force lets testers choose the arm. Such requests are served and never
// recorded.
type Force struct {
	Header string `yaml:"header,omitempty"`
	Cookie string `yaml:"cookie,omitempty"`
	// PreviewHost is a name of its own for the candidate, without a port: requests
	// for it go there unless the header or the cookie says otherwise. For others
	// than From it is a name like any other.
	PreviewHost string         `yaml:"preview_host,omitempty"`
	From        []netip.Prefix `yaml:"from"`
}

// holds says whether a client at this address may choose its arm.
func (f *Force) holds(addr netip.Addr) bool {
	for _, n := range f.From {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

func fill[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// SetDefaults fills in what is not set. It never changes what the slices and
// pointers of another copy of c refer to.
func (c *Config) SetDefaults() {
	fill(&c.Listen, DefaultListen)
	fill(&c.Limits.Target, DefaultMaxTarget)
	fill(&c.Limits.Head, DefaultMaxHead)
	fill(&c.Limits.Body, DefaultMaxBody)
	fill(&c.Limits.InFlight, DefaultMaxInFlight)
	fill(&c.Timeouts.Head, DefaultHeadTimeout)
	fill(&c.Timeouts.Body, DefaultBodyTimeout)
	fill(&c.Timeouts.Idle, DefaultIdleTimeout)
	fill(&c.Timeouts.Write, DefaultWriteTimeout)
	fill(&c.Timeouts.Drain, DefaultDrain)
	fill(&c.Upstream.Connect, DefaultConnectTimeout)
	fill(&c.Upstream.Idle, DefaultUpstreamIdle)
	fill(&c.Upstream.Connections, DefaultUpstreamConns)
	fill(&c.Upstream.Wait, DefaultUpstreamWait)
	fill(&c.Upstream.Silence, DefaultStreamSilence)
	fill(&c.Upstream.Probe, DefaultProbeTimeout)
	fill(&c.Upstream.AnswerHead, DefaultAnswerHead)
	routes := make([]Route, len(c.Routes))
	for i, r := range c.Routes {
		r.setDefaults(c.Limits.Body)
		routes[i] = r
	}
	c.Routes = routes
}

func (r *Route) setDefaults(body Size) {
	fill(&r.Match.PathPrefix, "/")
	fill(&r.Timeout, DefaultRouteTimeout)
	fill(&r.MaxBody, body)
	if r.Key.Missing == MissingCookie {
		fill(&r.Key.Cookie, DefaultKeyCookie)
	}
	if r.Payload != nil {
		payload := *r.Payload
		fill(&payload.MaxBody, DefaultPayloadBody)
		fill(&payload.Sample, canary.Full)
		r.Payload = &payload
	}
	if r.Shadow != nil {
		mirror := *r.Shadow
		mirror.SetDefaults()
		r.Shadow = &mirror
	}
	if r.Force != nil && r.Force.Header == "" && r.Force.Cookie == "" && r.Force.PreviewHost == "" {
		force := *r.Force
		force.Header = DefaultForceHeader
		r.Force = &force
	}
}
