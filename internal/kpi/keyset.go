package kpi

import "sync/atomic"

const (
	maxKeys    = 1 << 20 // per arm; further keys count unchecked
	bucketBits = 4       // 16 fingerprints of 4 bytes: one cache line
	bucketKeys = 1 << bucketBits
	freeSlot   = 0 // no fingerprint is 0
)

// rung says where a key may lie at one rung of a ladder: in one bucket of a
// table of 1<<bits slots.
type rung struct {
	table int    // which table
	bits  uint   // log2 of its slots
	mix   uint64 // odd: picks the bucket, in each rung another one
}

// The ladders. The last table is looked at more than once, each time in another
// bucket, so that it can be filled without one bucket running over. A table
// takes four bytes a slot: 6.3 MiB for the users of a rollout, 1.3 MiB for those
// of a window, and both arms have one of each: 15.7 MB. Few tables, because each
// full one is a cache line that is looked at in vain.
var (
	rolloutLadder = [...]rung{
		{0, 16, 0xD6E8FEB86659FD93}, {1, 19, 0xC2B2AE3D27D4EB4F},
		{2, 20, 0xFF51AFD7ED558CCD}, {2, 20, 0xA0761D6478BD642F}, {2, 20, 0x9E3779B97F4A7C15},
	}
	windowLadder = [...]rung{
		{0, 16, 0xD6E8FEB86659FD93},
		{1, 18, 0xC2B2AE3D27D4EB4F}, {1, 18, 0xFF51AFD7ED558CCD}, {1, 18, 0xA0761D6478BD642F},
	}
)

// maxTables is the most tables a ladder has.
const maxTables = 3

type keyState uint8

const (
	keyNew  keyState = iota // first outcome of the key
	keySeen                 // counted before
	keyFull                 // not known, and there is no room to remember it
)

type keyTable []atomic.Uint32

// keySet is a set of hashes without locks, of which it keeps 32 bits each: a
// new key is taken for one that was seen when its 32 bits are those of another
// in a bucket it looks at. It looks at five buckets of 16 at the most, so that
// happens to at most one new key in 2³²/80 = 53 million.
//
// It is a ladder of tables. At each rung a key may use one bucket; it lies in
// the first whose bucket was not full of others when it came. Keys are never
// removed and a bucket is filled from its front, so all who bring the same key
// look at the same slots in the same order and exactly one is told keyNew.
type keySet struct {
	ladder []rung
	limit  uint64 // keys it remembers
	tables [maxTables]atomic.Pointer[keyTable]
	count  atomic.Uint64
}

func (k *keySet) add(key uint64) keyState {
	full := k.count.Load() >= k.limit
	hash := spread(key)
	print := uint32(hash >> 32)
	if print == freeSlot {
		print = 1
	}
	for i := range k.ladder {
		switch k.place(&k.ladder[i], hash, print, full) {
		case placed:
			k.count.Add(1)
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

// spread makes every bit of the key count; no two keys become the same.
func spread(key uint64) uint64 { return (key ^ key>>32) * 0x9FB21C651E98DF25 }

type placement uint8

const (
	placed  placement = iota
	present           // the key is there
	absent            // not there, and the set takes no more
	crowded           // the bucket is full of others: look at the next rung
)

func (k *keySet) place(r *rung, hash uint64, print uint32, full bool) placement {
	slots := r.bucket(*k.table(r), hash)
	for i := range slots {
		found := slots[i].Load()
		if found == freeSlot {
			if full {
				return absent
			}
			if slots[i].CompareAndSwap(freeSlot, print) {
				return placed
			}
			found = slots[i].Load()
		}
		if found == print {
			return present
		}
	}
	return crowded
}

// bucket is the one of its table in which a key of the hash may lie.
func (r *rung) bucket(table keyTable, hash uint64) []atomic.Uint32 {
	at := int(spread(hash*r.mix)>>(64-r.bits+bucketBits)) * bucketKeys
	return table[at : at+bucketKeys]
}

// table returns the rung's table, making it when it is first needed.
func (k *keySet) table(r *rung) *keyTable {
	if table := k.tables[r.table].Load(); table != nil {
		return table
	}
	table := make(keyTable, 1<<r.bits)
	if k.tables[r.table].CompareAndSwap(nil, &table) {
		return &table
	}
	return k.tables[r.table].Load()
}

// prepare makes the next table before it is needed, off the hot path.
func (k *keySet) prepare() {
	count := k.count.Load()
	if count == 0 {
		return
	}
	for i := range k.ladder {
		k.table(&k.ladder[i])
		if count < 1<<(k.ladder[i].bits-2) {
			return
		}
	}
}

// bytes is what its tables take.
func (k *keySet) bytes() int {
	sum := 0
	for i := range k.tables {
		if table := k.tables[i].Load(); table != nil {
			sum += 4 * len(*table)
		}
	}
	return sum
}
