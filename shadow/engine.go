package shadow

import (
	"context"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// engine is the queue, the workers and the connections of one configuration.
// A mirror whose configuration changes gets another one.
type engine struct {
	mirror   *Mirror
	config   Config
	methods  []methodRule
	paths    []pathPattern
	noise    *noiseRule
	targets  *ring
	baseline *ring

	queue     chan *Copy
	bytes     atomic.Int64
	pace      *pace
	budget    *rate.Limiter
	restUntil atomic.Int64   // Unix nanoseconds; copies offered before are dropped at once
	restFor   atomic.Uint32  // the Reason
	large     sync.Pool      // of *[]byte, for answers above freeRead
	comparers chan *comparer // as many as may compare at the same time

	ctx      context.Context // ends what is under way
	cancel   context.CancelFunc
	stopping chan struct{} // closed when nothing more is to come
	gone     atomic.Bool   // no worker is left
	workers  sync.WaitGroup
	crew     crew
}

// methodRule is one mirrored method.
type methodRule struct {
	name       string
	everywhere bool
}

// noiseRule says which requests may be sent to the baseline again.
type noiseRule struct {
	share   Share
	methods []string
	paths   []pathPattern
}

// newEngine takes a validated configuration.
func newEngine(m *Mirror, c Config, t Targets) (*engine, error) {
	e := &engine{
		mirror: m, config: c,
		queue: make(chan *Copy, c.Limits.Queue), pace: newPace(c.Limits.Rate),
		budget:   rate.NewLimiter(rate.Limit(c.Limits.Read), int(max(c.Limits.Read/4, c.Limits.MaxAnswer))),
		stopping: make(chan struct{}), crew: crew{most: c.Limits.Concurrency},
	}
	e.large.New = func() any { return new([]byte) }
	for _, name := range c.Methods {
		e.methods = append(e.methods, methodRule{name, safeMethod(name)})
	}
	var err error
	if e.paths, err = parseAll(c.Paths, parsePathPattern); err != nil {
		return nil, err
	}
	if n := c.Noise; n != nil {
		e.noise = &noiseRule{share: n.Share, methods: n.Methods}
		if e.noise.paths, err = parseAll(n.Paths, parsePathPattern); err != nil {
			return nil, err
		}
	}
	upstreams := c.Upstreams
	if len(upstreams) == 0 {
		upstreams = t.Candidate
	}
	if e.targets, err = newRing(upstreams); err != nil {
		return nil, err
	}
	if e.baseline, err = newRing(t.Baseline); err != nil {
		return nil, err
	}
	parallel := max(1, runtime.GOMAXPROCS(0)/2)
	e.comparers = make(chan *comparer, parallel)
	for range parallel {
		one, err := newComparer(c)
		if err != nil {
			return nil, err
		}
		e.comparers <- one
	}
	return e, nil
}

func (e *engine) start() {
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.crew.begin()
	e.workers.Go(e.work)
}

// takes says whether requests of the method are mirrored on the target.
func (e *engine) takes(method, target []byte) bool {
	for _, m := range e.methods {
		if m.name == string(method) {
			return m.everywhere || matchesAny(e.paths, target)
		}
	}
	return false
}

// repeats says whether a request may be sent to the baseline again.
func (e *engine) repeats(o *outgoing) bool {
	return e.noise != nil && len(e.baseline.upstreams) > 0 &&
		slices.Contains(e.noise.methods, string(o.method)) && matchesAny(e.noise.paths, o.target)
}

func (e *engine) reserve(n int64) bool {
	if e.bytes.Add(n) > int64(e.config.Limits.Bytes) {
		e.bytes.Add(-n)
		return false
	}
	return true
}

// reserveAnswer takes room for an answer: half of it stays for requests.
func (e *engine) reserveAnswer(n int64) bool {
	if e.bytes.Add(n) > int64(e.config.Limits.Bytes)/2 {
		e.bytes.Add(-n)
		return false
	}
	return true
}

// spend takes an answer off the bytes that may be read in a second. One that
// was cut costs as much as the largest that is not: its upstream has made more
// of it than was read, and the connection has to be made anew. Small ones are
// free.
func (e *engine) spend(n int, cut bool) {
	if cut {
		n = int(e.config.Limits.MaxAnswer)
	}
	if n > freeRead || cut {
		e.budget.ReserveN(time.Now(), n)
	}
}

// solvent says whether answers may be read at the moment.
func (e *engine) solvent(now time.Time) bool { return e.budget.TokensAt(now) >= 0 }

func (e *engine) unreserve(n int64) { e.bytes.Add(-n) }

// drop ends a copy that is not sent.
func (e *engine) drop(c *Copy, r Reason) {
	e.mirror.counters.dropped[r].Add(1)
	c.free()
}

// restTime is how long no worker is woken after one has found that nothing can
// be sent.
const restTime = 20 * time.Millisecond

// rest lets the copies of the next moment be dropped where they are offered.
func (e *engine) rest(now time.Time, why Reason) Reason {
	e.restFor.Store(uint32(why))
	e.restUntil.Store(now.Add(restTime).UnixNano())
	return why
}

// offer queues a copy; it never waits.
func (e *engine) offer(c *Copy) {
	if c.offered.UnixNano() < e.restUntil.Load() {
		e.drop(c, Reason(e.restFor.Load()))
		return
	}
	select {
	case e.queue <- c:
	default:
		e.drop(c, DropQueue)
		return
	}
	if e.gone.Load() {
		e.sweep() // the last worker may have looked before
	}
}

// sweep drops what is queued when nobody is left to send it.
func (e *engine) sweep() {
	for {
		select {
		case c := <-e.queue:
			e.drop(c, DropClosed)
		default:
			return
		}
	}
}

// work sends copies until there are none for leaveAfter, or the engine stops and
// the queue is empty. Whoever takes the first copy sees to it that another waits.
func (e *engine) work() {
	w := &worker{engine: e, caller: caller{engine: e}, again: caller{engine: e}}
	for c := e.await(); c != nil; c = e.await() {
		if e.crew.taken() {
			e.workers.Go(e.work)
		}
		for ; c != nil; c = e.queued() {
			w.handle(c)
		}
		e.crew.waits()
	}
}

// queued returns a copy that waits, nil when there is none.
func (e *engine) queued() *Copy {
	select {
	case c := <-e.queue:
		return c
	default:
		return nil
	}
}

// await waits for a copy; nil: the worker is to leave.
func (e *engine) await() *Copy {
	bored := time.NewTicker(e.mirror.options.leaveAfter)
	defer bored.Stop()
	for {
		select {
		case c := <-e.queue:
			return c
		case <-e.stopping:
			return e.queued()
		case now := <-bored.C:
			e.targets.prune(now)
			e.baseline.prune(now)
			if e.crew.leaves() {
				return nil
			}
		}
	}
}

// stop lets what is queued be sent until ctx ends, then ends what is under way.
func (e *engine) stop(ctx context.Context) {
	close(e.stopping)
	done := make(chan struct{})
	go func() {
		e.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		e.cancel()
		e.targets.close(true)
		e.baseline.close(true)
		<-done
	}
	e.cancel()
	e.targets.close(false)
	e.baseline.close(false)
	e.gone.Store(true)
	e.sweep()
}

// worker sends one copy after the other.
type worker struct {
	engine *engine
	caller caller // of copies
	again  caller // of repetitions on the baseline
	out    outgoing
}

// handle ends a copy: dropped, failed, or answered and compared.
func (w *worker) handle(c *Copy) {
	e, counters := w.engine, &w.engine.mirror.counters
	sent := false
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		e.mirror.panicked(v, debug.Stack())
		if sent {
			c.free()
		} else {
			e.drop(c, DropPanic)
		}
	}()
	u, reason, ok := w.ready(c)
	if !ok {
		e.drop(c, reason)
		return
	}
	counters.sent.Add(1)
	sent = true
	w.send(u, c)
	c.free()
}

// ready waits for the copy's turn and says why it is not to be sent.
func (w *worker) ready(c *Copy) (*upstream, Reason, bool) {
	e := w.engine
	if !w.out.rewrite(c.requestHead(), len(c.requestBody()), e.config.StripCredentials) {
		return nil, DropMalformed, false
	}
	if time.Since(c.offered) > e.config.Limits.Timeout {
		return nil, DropLate, false
	}
	if !e.pace.take(e.ctx) {
		return nil, DropClosed, false
	}
	now := time.Now()
	if now.Sub(c.offered) > e.config.Limits.Timeout {
		return nil, DropLate, false
	}
	if !e.solvent(now) {
		return nil, e.rest(now, DropRead), false
	}
	u := e.targets.next(now)
	if u == nil {
		return nil, e.rest(now, DropUnreachable), false
	}
	return u, 0, true
}

// send is the copy that is counted as sent: it ends in one failure or answer.
func (w *worker) send(u *upstream, c *Copy) {
	e, counters := w.engine, &w.engine.mirror.counters
	ended := false
	defer func() {
		if !ended {
			counters.failed[FailPanic].Add(1)
		}
	}()
	defer w.caller.done()
	a, failure, ok := w.caller.do(e.ctx, u, &w.out, c.requestBody(), e.config.Limits.Timeout)
	ended = true
	if ok {
		counters.answered.Add(1)
	} else {
		counters.failed[failure].Add(1)
	}
	failed := !ok || a.status >= 500
	defer func() { e.mirror.answered(a, failure, ok, failed) }()
	noisy := e.repeats(&w.out)
	if ok {
		failed = e.compare(c, &w.out, a, noisy) || failed
	}
	if noisy && e.noise.share.holds(rand.Uint64()) {
		w.repeat(c)
	}
}

// repeat sends the request to the baseline again and learns how its two
// answers differ.
func (w *worker) repeat(c *Copy) {
	e, counters := w.engine, &w.engine.mirror.counters
	u := e.baseline.next(time.Now())
	if u == nil || e.ctx.Err() != nil || !e.solvent(time.Now()) {
		return
	}
	counters.repeated.Add(1)
	defer w.again.done()
	a, _, ok := w.again.do(e.ctx, u, &w.out, c.requestBody(), e.config.Limits.Timeout)
	if !ok {
		counters.repeatFailed.Add(1)
		return
	}
	e.learn(c, &w.out, a)
}

// ring is the upstreams of one side, in turn.
type ring struct {
	upstreams []*upstream
	turn      atomic.Uint32
}

func newRing(urls []string) (*ring, error) {
	r := &ring{}
	for _, url := range urls {
		address, err := upstreamAddress(url)
		if err != nil {
			return nil, err
		}
		r.upstreams = append(r.upstreams, newUpstream(address))
	}
	return r, nil
}

// next returns an upstream that is worth an attempt, nil when there is none.
func (r *ring) next(now time.Time) *upstream {
	n := uint32(len(r.upstreams))
	first := r.turn.Add(1)
	for i := range n {
		if u := r.upstreams[(first+i)%n]; u.up(now) {
			return u
		}
	}
	return nil
}

// prune closes the connections that were idle for too long to be used again.
func (r *ring) prune(now time.Time) {
	for _, u := range r.upstreams {
		u.prune(now)
	}
}

func (r *ring) close(all bool) {
	for _, u := range r.upstreams {
		u.close(all)
	}
}
