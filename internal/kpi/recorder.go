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
	// Behind the bins of an arm: failures, repeats, overflow.
	tail = 3
	// Counters of different shards are kept this many apart, two cache lines.
	lineWords = 16
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
	keys    [arms]keySet
	failure int // offset of the failures in an arm; repeats and overflow follow
}

// NewRecorder makes a recorder that counts.
func NewRecorder(l *Layout) *Recorder {
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
	}
	for arm := range r.keys {
		r.keys[arm].limit = maxKeys
	}
	return r
}

// Layout is the layout the recorder counts by.
func (r *Recorder) Layout() *Layout { return r.layout }

// SetCounting switches counting; off while the candidate warms up: nothing is
// counted and no key is used up.
func (r *Recorder) SetCounting(on bool) { r.paused.Store(!on) }

// Record counts one outcome: one or two atomic adds, no lock, no map and no
// allocation but for a key set that grows faster than snapshots make room.
func (r *Recorder) Record(arm int, s Sample) {
	if r.paused.Load() {
		return
	}
	counters := r.counters(r.shard(), arm)
	if s.Sticky {
		switch r.keys[arm].add(s.Key) {
		case keySeen:
			counters[r.failure+1].Add(1)
			return
		case keyFull:
			counters[r.failure+2].Add(1)
		case keyNew:
		}
	}
	if s.Failed {
		counters[r.failure].Add(1)
		return
	}
	counters[r.layout.Bin(s.Latency)].Add(1)
}

// NewKeys returns the keys counted since the last call, for the evidence log.
// One caller at a time per arm.
func (r *Recorder) NewKeys(arm int) []uint64 { return r.keys[arm].drain() }

// SeedKeys marks keys as counted before, after a restart. To be called before
// the recorder is given traffic; NewKeys does not return them again.
func (r *Recorder) SeedKeys(arm int, keys []uint64) { r.keys[arm].seed(keys) }

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
