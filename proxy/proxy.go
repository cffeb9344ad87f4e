package proxy

import (
	"errors"
	"fmt"
	"math"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/shadow"
)

// Options are what a Proxy needs besides its configuration.
type Options struct {
	Log     hclog.Logger          // nil: silent
	Metrics prometheus.Registerer // nil: kept to itself
	// OnBreaker is told when a breaker opens or closes. It is called from a
	// goroutine of the arm and should return soon.
	OnBreaker func(model string, b BreakerState)
}

// Proxy is a running data plane.
type Proxy struct {
	log       hclog.Logger
	metrics   *metrics
	onBreaker func(model string, b BreakerState)

	table    atomic.Pointer[table]
	server   atomic.Pointer[fasthttp.Server]
	clients  clients
	inFlight atomic.Int64
	draining atomic.Bool
	tap      *tap

	mu          sync.Mutex // of what follows; never taken by a request
	listener    *net.TCPListener
	serving     bool
	closed      bool
	assignments map[string]Assignment
	mirrors     map[string]*mirror // by route

	stopping sync.Once
	stop     chan struct{}  // closed when the shutdown has begun to close things
	stopped  chan struct{}  // closed when all is over
	workers  sync.WaitGroup // accept loops and the sweeper
}

// bodyPool is the largest body buffer, in bytes, that fasthttp keeps.
const bodyPool = 64 << 10

// New binds the listener and starts to probe the upstreams. Requests are
// served from Serve on; until an assignment is made, by the baselines.
func New(c Config, o Options) (*Proxy, error) {
	c.SetDefaults()
	if err := validated(c); err != nil {
		return nil, err
	}
	p := &Proxy{
		log: o.Log, onBreaker: o.OnBreaker, assignments: map[string]Assignment{}, mirrors: map[string]*mirror{},
		clients: clients{open: map[*client]struct{}{}},
		stop:    make(chan struct{}), stopped: make(chan struct{}),
	}
	p.tap = newTap(p.panicked)
	if p.log == nil {
		p.log = hclog.NewNullLogger()
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	p.metrics = newMetrics(o.Metrics,
		func() float64 { return float64(p.inFlight.Load()) },
		func() float64 { return float64(p.clients.count()) })
	o.Metrics.MustRegister(shadow.Collector{Mirrors: p.shadows})
	fasthttp.SetBodySizePoolLimit(bodyPool, bodyPool)
	listener, err := listen(c.Listen)
	if err != nil {
		return nil, err
	}
	if unused, err := p.install(c); err != nil {
		for _, a := range unused {
			a.retire()
		}
		return nil, errors.Join(err, listener.Close())
	}
	p.listener = listener
	p.workers.Go(p.sweep)
	p.tap.start()
	return p, nil
}

// validated turns what Validate reports into one error.
func validated(c Config) error {
	var problems []error
	c.Validate(func(path string, value any, wanted string) {
		if value == nil {
			problems = append(problems, fmt.Errorf("%s: wanted %s", path, wanted))
			return
		}
		problems = append(problems, fmt.Errorf("%s: %q: wanted %s", path, fmt.Sprint(value), wanted))
	})
	return errors.Join(problems...)
}

// newServer makes the fasthttp server. It sees heads that Headgate has made,
// so what it could say by itself about a request is switched off.
func (p *Proxy) newServer(c Config) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:                      p.handle,
		ErrorHandler:                 p.handleError,
		MaxRequestBodySize:           math.MaxInt32, // the limits of the routes are kept by client
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		NoDefaultDate:                true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		ReduceMemoryUsage:            c.ReduceMemory,
		Logger:                       silent{},
	}
}

// silent drops what fasthttp would log: it may hold what clients have sent.
type silent struct{}

func (silent) Printf(string, ...any) {}

// serveClient serves one connection until it ends.
func (p *Proxy) serveClient(c *client) {
	defer func() {
		if v := recover(); v != nil {
			p.panicked(v)
			_ = c.Close() // it may be closed already
		}
		c.mirrorDrop() // of an answer that was not written
	}()
	_ = p.server.Load().ServeConn(c) // how a client's connection ends is its own affair
}

// handle is fasthttp's handler.
func (p *Proxy) handle(ctx *fasthttp.RequestCtx) {
	c := ctx.Conn().(*client)
	defer func() {
		if v := recover(); v != nil {
			p.panicked(v)
			c.abandon()
			c.closing = true
			ctx.SetConnectionClose()
			ctx.Response.SkipBody = true
			c.reply(refusePanic)
			c.table.unrouted.add(refusePanic.status)
		}
	}()
	c.serve(ctx)
}

// handleError answers for the few errors that fasthttp finds by itself.
func (p *Proxy) handleError(ctx *fasthttp.RequestCtx, _ error) {
	c := ctx.Conn().(*client)
	if !c.mute {
		_ = c.refuse(refuseChunk) // the answer; fasthttp has the error already
	}
}

func (p *Proxy) panicked(v any) {
	p.metrics.panics.Inc()
	p.log.Error("panic while serving a request", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listener.Addr()
}

// Serve accepts connections until Shutdown has ended, and returns nil.
func (p *Proxy) Serve() error {
	if err := p.begin(); err != nil {
		return err
	}
	<-p.stopped
	return nil
}

func (p *Proxy) begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.serving {
		return errors.New("the proxy serves already")
	}
	if !p.closed {
		p.serving = true
		p.acceptOn(p.listener)
	}
	return nil
}

func (p *Proxy) acceptOn(l *net.TCPListener) { p.workers.Go(func() { p.accept(l) }) }

// Assign says how a model's traffic is split from now on, and which of its arms
// has which role: when it returns, every newly read request sees both. A model
// that no route names yet keeps its assignment for the day one does.
func (p *Proxy) Assign(model string, a Assignment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.assignments[model]
	p.assignments[model] = a
	next := p.table.Load().assign(model, a, p.mirrorFor)
	for _, r := range next.routes {
		if r.config.Model == model {
			r.settle(before)
		}
	}
	p.table.Store(next)
}

// Health is what is known of a model's arms, from memory.
func (p *Proxy) Health(model string) Health {
	for _, r := range p.table.Load().routes {
		if r.config.Model != model || model == "" {
			continue
		}
		h := Health{Baseline: r.arms[canary.Baseline].health(), Exchanged: r.exchanged}
		if r.arms[canary.Candidate] != nil {
			h.Candidate = r.arms[canary.Candidate].health()
		}
		return h
	}
	return Health{}
}

// clientPatience is the age from which a request's client is looked after, and
// sweepEvery how often.
const (
	clientPatience = 200 * time.Millisecond
	sweepEvery     = 100 * time.Millisecond
)

// sweep looks for clients that have left and connections that are too old.
func (p *Proxy) sweep() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-ticker.C:
			p.eachArm(func(a *arm) { a.sweep(now) })
		}
	}
}

func (p *Proxy) eachArm(f func(*arm)) {
	for _, r := range p.table.Load().routes {
		for _, a := range r.arms {
			if a != nil {
				f(a)
			}
		}
	}
}
