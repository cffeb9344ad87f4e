package registry

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/ratelimit"
)

// MLflow is the client of one tracking server. All methods may be called from
// several goroutines; each of them blocks for as long as MLflow takes, up to
// 30 s per call, so none belongs on a request's path.
type MLflow struct {
	base, host string // the tracking URI without a slash at its end; its host and port
	mode       string
	alias      Aliases
	workspace  string
	sign       signIn
	http       *http.Client
	pace       ratelimit.Limiter
	log        hclog.Logger
	now        func() time.Time
	// aliasStays: this user may not delete aliases, so nobody waits for it.
	aliasStays atomic.Bool

	// Only tests set these.
	timeout time.Duration // of one call
	backoff time.Duration // before the second try; doubled from then on
	settle  time.Duration // how long a write of a dead promoter may still arrive
	page    int           // versions per page
}

// NewMLflow makes a client; it calls nobody yet.
func NewMLflow(c MLflowConfig, o Options) (*MLflow, error) {
	o = o.withDefaults()
	whole := Config{MLflow: &c}
	whole.SetDefaults()
	c, err := c.resolve(o)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(c.TrackingURI)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, invalid("read the configuration", "", "the tracking URI %s is no http:// or https:// address", quote(c.TrackingURI))
	}
	sign, err := c.signIn(u.Hostname())
	if err != nil {
		return nil, err
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	return &MLflow{
		base: strings.TrimRight(c.TrackingURI, "/"), host: u.Host, mode: c.Mode, alias: c.Aliases, workspace: c.Workspace,
		sign: sign, http: client, pace: ratelimit.New(c.CallsPerSecond), log: o.Log, now: o.Now,
		timeout: callTimeout, backoff: 250 * time.Millisecond, settle: callTimeout, page: 1000,
	}, nil
}

// Mode is stages or aliases.
func (m *MLflow) Mode() string { return m.mode }

// Close lets go of idle connections.
func (m *MLflow) Close() { m.http.CloseIdleConnections() }
