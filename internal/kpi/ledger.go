package kpi

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	clockUnit  = 10 * time.Millisecond // of the times in the ledger
	firstRing  = 1 << 10               // requests it has room for at first
	maxRows    = 16                    // predictions kept of one answer
	rowsByKeep = 2                     // predictions kept, by requests kept
	maxValues  = 8                     // names of values
)

// ledger joins what was served with what becomes known of it later. It keeps
// the newest requests in a ring, found by id, and closes their windows in the
// order they were served.
//
// What an outcome brings is credited to the epoch that served the request: the
// time between two changes of the split. Each drain hands out one epoch's
// credits, so that no stratum mixes requests that were split by different
// weights.
type ledger struct {
	mu      sync.Mutex
	windows [kinds]uint32 // how long an outcome counts; 0: not joined
	keep    int

	now    atomic.Uint32
	step   int
	epochs []int // the step of each
	turn   int   // the epoch that was handed out last

	ring        []entry
	first, next uint64        // the oldest request held, and the one to come
	due         [kinds]uint64 // the first whose window has not closed
	rows        rowRing
	values      []uint16 // traces of the values of each place of the ring
	valueNames  []string
	opportunity []string // names of measures by group
	groups      []string
	index       index
	early       early
	mirroring   bool
	open        map[int]*tally // credits by epoch

	observed, again, noID, lost, unscored uint64
	closed, dropped                       [kinds]uint64
	results                               [kinds][results]uint64
}

// entry is a served request.
type entry struct {
	id    uint64
	at    uint32 // served time
	rows  uint32 // where its predictions are
	epoch uint16
	flags flags
	n     uint8 // predictions
}

type flags uint8

const (
	onCandidate flags = 1 << iota
	didClick
	clicked
	didConvert
	converted
	labelled
	valued
	mirrored // the shadow's answer
)

func (e *entry) arm() int { return int(e.flags & onCandidate) }

func newLedger(o Outcomes) *ledger {
	l := &ledger{keep: max(o.Keep, 1), turn: -1, epochs: []int{-1}, open: map[int]*tally{}}
	for name, window := range o.Windows {
		if k, ok := kindOf(name); ok {
			l.windows[k] = units(window)
		}
	}
	if l.windows[kindLabel] > 0 {
		l.rows.most = max(rowsByKeep*l.keep, maxRows)
	}
	l.grow()
	return l
}

// units rounds up, so that no window is none.
func units(d time.Duration) uint32 {
	return uint32(min((d+clockUnit-1)/clockUnit, math.MaxInt32))
}

func (l *ledger) clock() uint32 { return l.now.Load() }

// tick brings the served time.
func (l *ledger) tick(served time.Duration) { l.now.Store(uint32(served / clockUnit)) }

// turnEpoch ends an epoch: the split is another one from now on.
func (l *ledger) turnEpoch(step int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.step = step
	if len(l.epochs) < math.MaxUint16 {
		l.epochs = append(l.epochs, step)
	}
}

// observe takes a request that was counted.
func (l *ledger) observe(arm int, about flags, id uint64, rows []kept) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == 0 {
		l.noID++
		return
	}
	if _, ok := l.index.find(l.ring, id); ok {
		l.again++ // a retry is the same request
		return
	}
	if l.rows.most == 0 {
		rows = nil
	}
	rows = rows[:min(len(rows), maxRows)]
	l.makeRoom(len(rows))
	e := entry{id: id, at: l.clock(), epoch: uint16(len(l.epochs) - 1), flags: flags(arm) | about, n: uint8(len(rows)), rows: l.rows.push(rows)}
	at := l.place(l.next)
	l.ring[at] = e
	if l.values != nil {
		clear(l.values[at*maxValues : (at+1)*maxValues])
	}
	l.index.insert(l.ring, at)
	l.next++
	l.observed++
	l.early.claim(id, func(o Outcome) {
		if o.shadow {
			l.label(&l.ring[at], o)
			return
		}
		l.applied(o, l.join)
	})
}

// applied counts what became of an outcome that had waited.
func (l *ledger) applied(o Outcome, join func(kind, Outcome) Result) {
	k, _ := kindOf(o.Kind)
	l.results[k][join(k, o)]++
}

// expired counts an outcome whose request never came.
func (l *ledger) expired(o Outcome) {
	if o.shadow {
		return // the live answer's is counted
	}
	l.applied(o, func(kind, Outcome) Result { return OutcomeUnknown })
}

func (l *ledger) place(seq uint64) int { return int(seq % uint64(len(l.ring))) }

// makeRoom lets the oldest requests go, those first whose windows have closed,
// or grows as long as there is something to wait for.
func (l *ledger) makeRoom(rows int) {
	if int(l.next-l.first) == len(l.ring) {
		if l.settled() <= l.first && len(l.ring) < l.keep {
			l.grow()
		} else {
			l.evict()
		}
	}
	for !l.rows.fits(rows) {
		if l.settled() > l.first || !l.rows.grow(rows) {
			l.evict()
		}
	}
}

// settled is the first request that waits for anything.
func (l *ledger) settled() uint64 {
	least := l.next
	for k, window := range l.windows {
		if window > 0 {
			least = min(least, l.due[k])
		}
	}
	return least
}

// evict lets the oldest request go. By age alone: both arms lose alike, and
// those with an outcome like those without.
func (l *ledger) evict() {
	at := l.place(l.first)
	for k, window := range l.windows {
		if window > 0 && l.due[k] <= l.first {
			l.due[k] = l.first + 1
			l.dropped[k]++
		}
	}
	l.index.remove(l.ring, at)
	l.rows.pop(int(l.ring[at].n))
	l.first++
}

// grow doubles the ring, up to keep.
func (l *ledger) grow() {
	size := min(max(2*len(l.ring), firstRing), l.keep)
	ring := make([]entry, size)
	var values []uint16
	if l.windows[kindValue] > 0 {
		values = make([]uint16, size*maxValues)
	}
	for seq := l.first; seq < l.next; seq++ {
		from, to := l.place(seq), int(seq%uint64(size))
		ring[to] = l.ring[from]
		if values != nil {
			copy(values[to*maxValues:(to+1)*maxValues], l.values[from*maxValues:])
		}
	}
	l.ring, l.values = ring, values
	l.index = newIndex(size)
	for seq := l.first; seq < l.next; seq++ {
		l.index.insert(l.ring, l.place(seq))
	}
}
