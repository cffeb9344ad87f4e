package kpi

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

const (
	arms      = 2
	maxShards = 32
	// Behind the bins of an arm: failures and what follows them.
	tail = 6
	// Counters of different shards are kept this many apart, two cache lines.
	lineWords = 16
)

// Counters of an arm behind its bins, from Recorder.failure on.
const (
	atFailure = iota
	atRepeat
	atOverflow
	atAgain       // users' first outcomes in the window that did not fail
	atAgainFailed // and those that did
	atDrawn
)

// Sample is the outcome of one request on the arm it was drawn for.
type Sample struct {
	Key     uint64        // hash of the user's key; read only when Sticky
	Sticky  bool          // only the first outcome of the key counts
	Latency time.Duration // as the client saw it
	Failed  bool          // counts as over every latency threshold
}

// Recorder counts both arms of one rollout. Record may be called from any
// number of goroutines.
//
// A sample that counts adds one to exactly one counter, the failures or a
// latency bin, and Requests is their sum: no snapshot can see half a sample,
// and differences of snapshots lose and double nothing.
type Recorder struct {
	layout  *Layout
	shards  []atomic.Uint64
	stride  int // counters of one shard
	arm     int // counters of one arm in a shard
	shift   uint
	paused  atomic.Bool
	mirrors atomic.Bool // copies go to the candidate
	keys    [arms]keySet
	logs    [arms]keyLog
	watch   watch
	failure int // offset of the failures in an arm; the tail's counters follow
	config  Config
	inputs  []string // names of their measures
	meter   *Meter
	ledger  *ledger // nil: the policy joins no outcomes
}

// NewRecorder makes a recorder that counts latencies by l and what c names of
// payloads and outcomes.
func NewRecorder(l *Layout, c Config) *Recorder {
	shardBits := min(bits.Len(uint(runtime.GOMAXPROCS(0)-1)), bits.Len(uint(maxShards-1)))
	arm := (l.Bins() + tail + lineWords - 1) / lineWords * lineWords
	stride := arms*arm + lineWords
	r := &Recorder{
		layout:  l,
		shards:  make([]atomic.Uint64, stride<<shardBits),
		stride:  stride,
		arm:     arm,
		shift:   uint(64 - shardBits),
		failure: l.Bins(),
		config:  c,
		meter:   NewMeter(),
	}
	for arm := range r.keys {
		r.keys[arm].ladder, r.keys[arm].limit = rolloutLadder[:], maxKeys
		r.logs[arm].limit = maxKeys
	}
	for _, in := range c.Inputs {
		r.inputs = append(r.inputs, MeasureInput+in.Name)
	}
	if c.Outcomes != nil {
		r.ledger = newLedger(*c.Outcomes)
	}
	r.watch.begin(c.RepeatEvery)
	r.watch.count(true)
	return r
}

// Layout is the layout the recorder counts by.
func (r *Recorder) Layout() *Layout { return r.layout }

// Config is what of payloads and outcomes is counted.
func (r *Recorder) Config() Config { return r.config }

// Meter gathers what is counted beside requests and latencies.
func (r *Recorder) Meter() *Meter { return r.meter }

// SetCounting switches counting; off while the candidate warms up: nothing is
// counted and no key is used up. One caller at a time, the one of Tick.
func (r *Recorder) SetCounting(on bool) {
	r.paused.Store(!on)
	r.meter.SetCounting(on)
	r.watch.count(on)
}

// Record counts one outcome: a few atomic adds, no lock, no map and no
// allocation but for a key set that grows faster than snapshots make room. True
// when it is evidence: the first of its key, not in the warm-up. Only then is
// there anything to Observe.
func (r *Recorder) Record(arm int, s Sample) bool {
	if r.paused.Load() {
		return false
	}
	counters := r.counters(r.shard(), arm)
	r.again(counters, arm, s)
	if s.Sticky {
		switch r.keys[arm].add(s.Key) {
		case keySeen:
			counters[r.failure+atRepeat].Add(1)
			return false
		case keyFull:
			counters[r.failure+atOverflow].Add(1)
		case keyNew:
			r.logs[arm].add(s.Key)
		}
	}
	if s.Failed {
		counters[r.failure].Add(1)
		return true
	}
	counters[r.layout.Bin(s.Latency)].Add(1)
	return true
}

// again counts the user's first outcome in the present window. A request
// without a key is a user of its own.
func (r *Recorder) again(counters []atomic.Uint64, arm int, s Sample) {
	if s.Sticky && !r.watch.users.Load().first(arm, s.Key) {
		return
	}
	if s.Failed {
		counters[r.failure+atAgainFailed].Add(1)
	} else {
		counters[r.failure+atAgain].Add(1)
	}
	if r.watch.drawing.Load() {
		counters[r.failure+atDrawn].Add(1)
	}
}

// NewKeys returns the keys counted since the last call, for the evidence log.
// One caller at a time per arm.
func (r *Recorder) NewKeys(arm int) []uint64 { return r.logs[arm].drain() }

// SeedKeys marks keys as counted before, after a restart. To be called before
// the recorder is given traffic; NewKeys does not return them again.
func (r *Recorder) SeedKeys(arm int, keys []uint64) {
	before := r.keys[arm].count.Load()
	for _, key := range keys {
		r.keys[arm].add(key)
	}
	r.logs[arm].skip(r.keys[arm].count.Load() - before)
}

// ForgetKeys lets every user count once more. Not for a rollout's promise about
// users who meet the candidate: for the copies of a shadow step, in which each
// user counts once in each of its windows. One caller at a time, the one of Tick.
func (r *Recorder) ForgetKeys() {
	for arm := range r.keys {
		r.keys[arm].forget()
		r.logs[arm].forget()
	}
}

// WindowFull says that an arm has more users than the watch over repeat
// failures can tell apart: it rests until the next window.
func (r *Recorder) WindowFull() bool { return r.watch.users.Load().full.Load() }

func (r *Recorder) counters(shard, arm int) []atomic.Uint64 {
	from := shard*r.stride + arm*r.arm
	return r.shards[from : from+r.arm]
}

// shard picks a shard by where the goroutine's stack lies: goroutines keep
// theirs, and busy ones spread over all shards, with no call into the runtime.
func (r *Recorder) shard() int {
	var here byte
	page := uint64(uintptr(unsafe.Pointer(&here))) >> 11 // the smallest stack is 2 KiB
	return int(page * 0x9E3779B97F4A7C15 >> r.shift)
}
