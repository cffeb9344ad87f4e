package kpi

import "sync/atomic"

const (
	maxKeys    = 1 << 20 // per arm; further keys count unchecked
	bucketKeys = 8       // one cache line
	chunkKeys  = 1 << 12
)

// levelBits are the sizes of the tables a key set grows through. The last two
// leave the buckets of a full set four fifths empty.
var levelBits = [...]uint{12, 14, 16, 18, 20, 21}

type keyState uint8

const (
	keyNew  keyState = iota // first outcome of the key
	keySeen                 // counted before
	keyFull                 // not known, and there is no room to remember it
)

type keyTable []atomic.Uint64

type keyChunk [chunkKeys]atomic.Uint64

// keySet is a set of 64-bit hashes without locks. It is a ladder of tables.
// Of each table a key may use one bucket; it lies in the first table whose
// bucket was not full of others when it came. Keys are never removed and a
// bucket is filled from its front, so all who bring the same key look at the
// same slots in the same order and exactly one of them is told keyNew.
type keySet struct {
	limit  uint64 // keys it remembers, maxKeys at most
	levels [len(levelBits)]atomic.Pointer[keyTable]
	count  atomic.Uint64
	chunks [maxKeys / chunkKeys]atomic.Pointer[keyChunk] // keys in the order they came
	read   uint64                                        // of them, handed out by drain
}

func (k *keySet) add(key uint64) keyState {
	if key == 0 {
		key = 1 // zero marks an empty slot
	}
	full := k.count.Load() >= k.limit
	for level := range k.levels {
		switch k.place(level, key, full) {
		case placed:
			k.remember(key)
			return keyNew
		case present:
			return keySeen
		case absent:
			return keyFull
		case crowded:
		}
	}
	return keyFull
}

type placement uint8

const (
	placed  placement = iota
	present           // the key is there
	absent            // not there, and the set takes no more
	crowded           // the bucket is full of others: look in the next table
)

func (k *keySet) place(level int, key uint64, full bool) placement {
	table := k.level(level)
	// Leading bits: the keys of one bucket spread over four in the next table.
	mixed := key * 0x9E3779B97F4A7C15
	bucket := int(mixed>>(64-levelBits[level]+3)) * bucketKeys
	for i := range bucketKeys {
		slot := &(*table)[bucket+i]
		found := slot.Load()
		if found == 0 {
			if full {
				return absent
			}
			if slot.CompareAndSwap(0, key) {
				return placed
			}
			found = slot.Load()
		}
		if found == key {
			return present
		}
	}
	return crowded
}

// level returns the table, making it when it is first needed.
func (k *keySet) level(level int) *keyTable {
	if table := k.levels[level].Load(); table != nil {
		return table
	}
	table := make(keyTable, 1<<levelBits[level])
	if k.levels[level].CompareAndSwap(nil, &table) {
		return &table
	}
	return k.levels[level].Load()
}

// prepare makes the next table and chunk before they are needed, off the hot
// path.
func (k *keySet) prepare() {
	count := k.count.Load()
	if count == 0 || count >= k.limit {
		return
	}
	if next := (count + chunkKeys/2) / chunkKeys; next < uint64(len(k.chunks)) {
		k.chunk(next)
	}
	for level := 1; level < len(levelBits); level++ {
		if count < 1<<(levelBits[level-1]-2) {
			return
		}
		k.level(level)
	}
}

func (k *keySet) remember(key uint64) {
	at := k.count.Add(1) - 1
	if at >= k.limit {
		return // two raced for the last place; the key is in the table all the same
	}
	k.chunk(at / chunkKeys)[at%chunkKeys].Store(key)
}

func (k *keySet) chunk(i uint64) *keyChunk {
	if chunk := k.chunks[i].Load(); chunk != nil {
		return chunk
	}
	k.chunks[i].CompareAndSwap(nil, new(keyChunk))
	return k.chunks[i].Load()
}

// drain returns the keys that came since the last drain or seed. A key whose
// place is taken but not yet written waits for the next call.
func (k *keySet) drain() []uint64 {
	var keys []uint64
	for end := min(k.count.Load(), k.limit); k.read < end; k.read++ {
		chunk := k.chunks[k.read/chunkKeys].Load()
		if chunk == nil {
			return keys
		}
		key := chunk[k.read%chunkKeys].Load()
		if key == 0 {
			return keys
		}
		keys = append(keys, key)
	}
	return keys
}

func (k *keySet) seed(keys []uint64) {
	for _, key := range keys {
		k.add(key)
	}
	k.read = min(k.count.Load(), k.limit)
}
