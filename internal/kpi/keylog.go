package kpi

import "sync/atomic"

const (
	chunkKeys = 1 << 12
	maxChunks = maxKeys / chunkKeys
)

type keyChunk [chunkKeys]atomic.Uint64

// keyLog holds the keys that were counted first, whole and in the order they
// came, until the evidence log takes them. Without locks for those who add; one
// caller at a time drains. What was drained is freed.
type keyLog struct {
	limit  uint64 // keys it takes in its life
	count  atomic.Uint64
	chunks [maxChunks]atomic.Pointer[keyChunk]
	read   uint64 // keys handed out by drain, or skipped
}

func (l *keyLog) add(key uint64) {
	if key == 0 {
		key = 1 // zero marks what is not written yet
	}
	at := l.count.Add(1) - 1
	if at >= l.limit {
		return // two raced for the last place; the key is in the set all the same
	}
	l.chunk(at / chunkKeys)[at%chunkKeys].Store(key)
}

func (l *keyLog) chunk(i uint64) *keyChunk {
	if chunk := l.chunks[i].Load(); chunk != nil {
		return chunk
	}
	l.chunks[i].CompareAndSwap(nil, new(keyChunk))
	return l.chunks[i].Load()
}

// prepare makes the next chunk before it is needed, off the hot path.
func (l *keyLog) prepare() {
	count := l.count.Load()
	if next := (count + chunkKeys/2) / chunkKeys; count > 0 && next < maxChunks {
		l.chunk(next)
	}
}

// drain returns the keys that came since the last drain. A key whose place is
// taken but not yet written waits for the next call.
func (l *keyLog) drain() []uint64 {
	var keys []uint64
	for end := min(l.count.Load(), l.limit); l.read < end; l.read++ {
		at := l.read / chunkKeys
		chunk := l.chunks[at].Load()
		if chunk == nil {
			return keys
		}
		key := chunk[l.read%chunkKeys].Load()
		if key == 0 {
			return keys
		}
		keys = append(keys, key)
		if l.read%chunkKeys == chunkKeys-1 {
			l.chunks[at].Store(nil) // all of it was written: nobody comes back to it
		}
	}
	return keys
}

// skip takes n keys for added and drained, before there is any traffic.
func (l *keyLog) skip(n uint64) {
	l.count.Add(n)
	l.read = min(l.count.Load(), l.limit)
}
