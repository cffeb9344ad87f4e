package shadow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/headgate/headgate/internal/kpi"
)

// Targets are the upstreams of a route's arms, http://host:port.
type Targets struct {
	Candidate []string // take the copies, unless the configuration names others
	Baseline  []string // are asked again where the noise is learnt
}

// Options are what a Mirror needs besides its configuration.
type Options struct {
	Log hclog.Logger // nil: silent
	// Layout has the bins of the latencies; nil: the plain grid.
	Layout *kpi.Layout
	// OnAnswer is told of every copy that was sent; called from the workers.
	OnAnswer func(e End)
	// OnPair is told of every answered copy and says whether the shadow's answer
	// is a failure, besides those with a status of 500 and more; called from the
	// workers. What p holds is valid during the call only.
	OnPair func(p Pair) (failed bool)

	leaveAfter time.Duration // 0: the constant
}

// End is how a copy that was sent has ended.
type End struct {
	Code    int // 504 and 502 for those without an answer
	Latency time.Duration
	OK      bool    // there is an answer
	Failure Failure // why there is none
}

// Pair is a live answer and the shadow's to the same request.
type Pair struct {
	Counted      bool   // as in Live
	ID           []byte // X-Request-Id
	Method, Path []byte // the path with its query
	Request      []byte // the body
	Live, Shadow Side
}

// Side is one answer of a pair.
type Side struct {
	Status  int
	Latency time.Duration
	Body    []byte // decoded; of a stream of events the JSON that is compared
	Cut     bool   // there is no body: too large, or in an encoding that is not read
	Events  bool   // it was a stream of events
}

// Mirror is the mirror of one route. Sample, Copy, Offer and Drop belong to the
// data plane and never wait; all methods may be called from any number of
// goroutines. A nil Mirror mirrors nothing.
type Mirror struct {
	route    string
	options  Options
	counters counters
	pairs    [pairOutcomes]atomic.Uint64 // for metrics, which are never reset
	engine   atomic.Pointer[engine]      // nil: closed
	share    atomic.Uint32
	tally    atomic.Pointer[tally]
	listener atomic.Pointer[listener]

	mu       sync.Mutex // of Swap and Close
	retiring sync.WaitGroup
	ending   context.Context // ends the engines that were swapped out
	end      context.CancelFunc
}

// counters only rise, for the life of the mirror.
type counters struct {
	offered, sent, answered atomic.Uint64
	dropped                 [reasons]atomic.Uint64
	failed                  [failures]atomic.Uint64
	skipped                 atomic.Uint64 // drawn, but not to be mirrored: the method or the path
	repeated, repeatFailed  atomic.Uint64 // sent to the baseline again
	panics                  atomic.Uint64
}

// New starts a mirror with the configuration's share.
func New(route string, c Config, t Targets, o Options) (*Mirror, error) {
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	if o.Layout == nil {
		o.Layout = kpi.NewLayout()
	}
	fill(&o.leaveAfter, leaveAfter)
	m := &Mirror{route: route, options: o}
	m.ending, m.end = context.WithCancel(context.Background())
	e, err := m.build(c, t)
	if err != nil {
		m.end()
		return nil, err
	}
	m.share.Store(uint32(e.config.Share))
	m.tally.Store(newTally(e.config, o.Layout))
	e.start()
	m.engine.Store(e)
	return m, nil
}

func (m *Mirror) build(c Config, t Targets) (*engine, error) {
	c.SetDefaults()
	var problems []error
	c.Validate(func(path string, value any, wanted string) {
		problems = append(problems, fmt.Errorf("%s: %q: wanted %s", path, fmt.Sprint(value), wanted))
	})
	if len(c.Upstreams)+len(t.Candidate) == 0 {
		problems = append(problems, errors.New("upstreams: wanted at least one address such as http://127.0.0.1:8000"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return newEngine(m, c, t)
}

// Route is the name of the route.
func (m *Mirror) Route() string { return m.route }

// SetShare changes the part of the requests that is mirrored, at once; 0 stops
// the mirror without losing anything.
func (m *Mirror) SetShare(s Share) { m.share.Store(uint32(min(s, Full))) }

// Report sends the evidence of every pair to a rollout's meter as well, as the
// candidate's: kpi.MeasureAgreement and kpi.MeasureShadow, its latencies by the
// bins of the rollout's layout. A nil meter: to none.
func (m *Mirror) Report(to *kpi.Meter, by *kpi.Layout) {
	if to == nil {
		m.listener.Store(nil)
		return
	}
	m.listener.Store(&listener{meter: to, layout: by})
}

// Reset forgets what was compared and what was learnt about the noise: another
// version stands behind an arm. The counters of requests go on.
func (m *Mirror) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.engine.Load(); e != nil {
		m.tally.Store(newTally(e.config, m.options.Layout))
	}
}

// Swap runs on with another configuration. Copies that are queued are sent as
// they would have been, within their timeout; what was compared is forgotten.
// The share stays as it was set. With an error nothing has changed.
func (m *Mirror) Swap(c Config, t Targets) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.engine.Load()
	if before == nil {
		return errors.New("the mirror is closed")
	}
	e, err := m.build(c, t)
	if err != nil {
		return err
	}
	e.start()
	m.tally.Store(newTally(e.config, m.options.Layout))
	m.engine.Store(e)
	m.retiring.Go(func() {
		ctx, cancel := context.WithTimeout(m.ending, before.config.Limits.Timeout)
		defer cancel()
		before.stop(ctx)
	})
	return nil
}

// Close takes no more copies, sends those that are queued until ctx ends, and
// drops the rest. It returns when nothing runs any more. A second Close waits
// for the first.
func (m *Mirror) Close(ctx context.Context) {
	if m == nil {
		return
	}
	stop := context.AfterFunc(ctx, m.end)
	defer stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.engine.Swap(nil); e != nil {
		e.stop(ctx)
	}
	m.retiring.Wait()
	m.end()
}

// Sample says whether a request is to be copied. body is the length of its
// buffered body in bytes, negative for one that is not buffered; key is a
// uniform hash of the user's key, read only where the share is drawn by it.
func (m *Mirror) Sample(method, target []byte, body int, key uint64) bool {
	if m == nil {
		return false
	}
	e, share := m.engine.Load(), Share(m.share.Load())
	if e == nil || share == 0 || body < 0 {
		return false
	}
	if share < Full && !m.drawn(e, share, key) {
		return false
	}
	if !e.takes(method, target) {
		m.counters.skipped.Add(1)
		return false
	}
	if int64(body) > int64(e.config.Limits.MaxBody) {
		m.counters.offered.Add(1)
		m.counters.dropped[DropBody].Add(1)
		return false
	}
	return true
}

func (m *Mirror) drawn(e *engine, share Share, key uint64) bool {
	if e.config.By == ByKey {
		return share.holds(remix(key))
	}
	return share.holds(rand.Uint64())
}

// Copy takes a sampled request over: its head as it is sent to the live
// upstream, up to the empty line, and its body. Both are copied. The data plane
// gives the copy back by Offer or Drop, once. nil when there is no room.
func (m *Mirror) Copy(head, body []byte) *Copy {
	if m == nil {
		return nil
	}
	m.counters.offered.Add(1)
	e := m.engine.Load()
	if e == nil {
		m.counters.dropped[DropClosed].Add(1)
		return nil
	}
	c, ok := newCopy(e, head, body)
	if !ok {
		m.counters.dropped[DropBytes].Add(1)
		return nil
	}
	return c
}

// Offer lets the copy be sent, now that the live answer is known; what it said
// was given to Copy.Head and Copy.Answer. Nothing is done with a nil Copy.
func (m *Mirror) Offer(c *Copy, live Live) {
	switch {
	case m == nil || c == nil:
	case live.Status == 0:
		c.engine.drop(c, DropUnanswered)
	case live.Candidate:
		c.engine.drop(c, DropCandidate)
	case c.full:
		c.engine.drop(c, DropBytes)
	default:
		c.live, c.offered = live, time.Now()
		c.engine.offer(c)
	}
}

// Drop gives a copy back that is not to be sent: the client left, or it got no
// answer of an upstream.
func (m *Mirror) Drop(c *Copy) {
	if m != nil && c != nil {
		c.engine.drop(c, DropUnanswered)
	}
}

func (m *Mirror) panicked(v any, stack []byte) {
	m.counters.panics.Add(1)
	m.options.Log.Error("panic in the mirror", "route", m.route, "panic", fmt.Sprint(v), "stack", string(stack))
}

// answered counts the end of a copy that was sent, compared or not. What ended
// with the mirror says nothing about the shadow.
func (m *Mirror) answered(a answer, failure Failure, ok, failed bool) {
	if !ok && failure == FailClosed {
		return
	}
	code := a.status
	switch {
	case ok:
	case failure == FailTimeout:
		code = 504
	default:
		code = 502
	}
	m.tally.Load().answered(a.latency, failed)
	m.reportAnswer(a.latency, failed)
	if m.options.OnAnswer != nil {
		m.options.OnAnswer(End{Code: code, Latency: a.latency, OK: ok, Failure: failure})
	}
}
