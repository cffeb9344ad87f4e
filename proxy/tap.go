package proxy

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/payload"
)

// Bounds of the tap, for the whole proxy.
const (
	tapItems = 4096    // exchanges that are waiting, being read or passing through
	tapBytes = 4 * MiB // of their bodies
	tapKept  = MiB     // of buffers that are kept for the next ones
	tapBody  = MiB     // the largest body that a route may have read
)

const (
	// tapEvery is how often the worker looks for work. It is not woken for each
	// exchange: to wake a thread costs a request more than everything else here.
	tapEvery = 5 * time.Millisecond
	// tapPatience is how long it goes on looking before it sleeps.
	tapPatience = 200
)

// tap hands copies of answered exchanges to a worker that reads them, off the
// requests' path. It never blocks and is bounded; what finds no place is
// counted. There is one worker: exchanges are counted in the order in which they
// were answered, so that a user's first outcome is the one that counts, and
// reading never takes more than one core from the traffic.
type tap struct {
	bytes    atomic.Int64 // of bodies that are copied and not yet read
	panicked func(any)
	wake     chan struct{}
	stop     chan struct{}
	done     sync.WaitGroup

	mu       sync.Mutex // held for a few instructions
	queue    []*tapped
	free     []*tapped
	taken    int  // items that are not free
	kept     int  // capacity of the free items' buffers, in bytes
	sleeping bool // the worker waits to be woken

	requests, answers payload.Unpacker // of the worker
}

// tapped is one exchange, with copies of what is to be read.
type tapped struct {
	tapFacts
	tap             *routeTap
	request, answer []byte
}

// tapFacts is what is known of an exchange without its bodies.
type tapFacts struct {
	arm                         int
	sample                      kpi.Sample
	record                      bool   // the sample has not been counted yet
	rules                       bool   // the answer's body may make it a failure
	read                        bool   // the bodies are to be read
	id                          uint64 // 0: nothing will be joined with it
	status                      int    // 0: there is no answer to be read
	requestTrouble              payload.Trouble
	answerTrouble               payload.Trouble
	requestPacked, answerPacked bool
	stream                      bool
	firstToken                  time.Duration
	tokens                      float64
}

func newTap(panicked func(any)) *tap {
	return &tap{panicked: panicked, wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

// take returns an item, nil when there are too many.
func (t *tap) take() *tapped {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken >= tapItems {
		return nil
	}
	t.taken++
	n := len(t.free)
	if n == 0 {
		return &tapped{}
	}
	x := t.free[n-1]
	t.free = t.free[:n-1]
	t.kept -= cap(x.request) + cap(x.answer)
	return x
}

// reserve makes room for so many bytes of a body; false when there is none.
func (t *tap) reserve(n int) bool {
	if t.bytes.Add(int64(n)) > int64(tapBytes) {
		t.bytes.Add(int64(-n))
		return false
	}
	return true
}

// offer gives an item to the worker.
func (t *tap) offer(x *tapped) {
	t.mu.Lock()
	t.queue = append(t.queue, x)
	wake := t.sleeping || len(t.queue) == tapItems/4
	t.sleeping = false
	t.mu.Unlock()
	if wake {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// put takes an item back.
func (t *tap) put(x *tapped) {
	t.bytes.Add(-int64(len(x.request) + len(x.answer)))
	x.tapFacts, x.tap, x.request, x.answer = tapFacts{}, nil, x.request[:0], x.answer[:0]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	// An item that is not kept goes as a whole: without its buffers it would lie
	// above those that have theirs.
	if size := cap(x.request) + cap(x.answer); t.kept+size <= int(tapKept) {
		t.kept += size
		t.free = append(t.free, x)
	}
}

// start begins to read; end stops when all that was offered is read.
func (t *tap) start() { t.done.Go(t.run) }

func (t *tap) end() {
	close(t.stop)
	t.done.Wait()
}

func (t *tap) run() {
	ticker := time.NewTicker(tapEvery)
	defer ticker.Stop()
	var batch []*tapped
	for idle := 0; ; {
		batch = t.swap(batch)
		for _, x := range batch {
			t.read(x)
			t.put(x)
		}
		if idle++; len(batch) > 0 {
			idle = 0
		}
		look := ticker.C
		if idle > tapPatience && t.sleep() {
			look = nil
		}
		select {
		case <-t.stop:
			t.drain(batch)
			return
		case <-look:
		case <-t.wake:
			idle = 0
		}
	}
}

// swap takes the queue and gives it an empty one.
func (t *tap) swap(empty []*tapped) []*tapped {
	clear(empty)
	t.mu.Lock()
	defer t.mu.Unlock()
	batch := t.queue
	t.queue = empty[:0]
	return batch
}

// sleep says whether the worker may wait to be woken.
func (t *tap) sleep() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sleeping = len(t.queue) == 0
	return t.sleeping
}

// drain reads what is left when nothing more comes.
func (t *tap) drain(batch []*tapped) {
	for batch = t.swap(batch); len(batch) > 0; batch = t.swap(batch) {
		for _, x := range batch {
			t.read(x)
			t.put(x)
		}
	}
}

// copied adds a body to what was copied of it before.
func (t *tap) copied(to *[]byte, body []byte) bool {
	if !t.reserve(len(body)) {
		return false
	}
	*to = append(slices.Grow(*to, len(body)), body...)
	return true
}
