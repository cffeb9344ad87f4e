package kpi

import "math/bits"

// index finds a place of the ring by the id of its request: open addressing
// with linear probing, four bytes a slot.
type index struct {
	slots []uint32 // place + 1; 0 = free
	shift uint
}

// newIndex makes one for so many places, filled to half at the most: every slot
// that is looked at costs a look into the ring.
func newIndex(places int) index {
	width := max(bits.Len(uint(2*places-1)), 1)
	return index{slots: make([]uint32, 1<<width), shift: uint(64 - width)}
}

func (x *index) home(id uint64) int { return int(spread(id) * 0x9E3779B97F4A7C15 >> x.shift) }

func (x *index) following(slot int) int { return (slot + 1) & (len(x.slots) - 1) }

// slot is where the id is, or the free slot where it would go.
func (x *index) slot(ring []entry, id uint64) int {
	slot := x.home(id)
	for x.slots[slot] != 0 && ring[x.slots[slot]-1].id != id {
		slot = x.following(slot)
	}
	return slot
}

func (x *index) find(ring []entry, id uint64) (at int, ok bool) {
	found := x.slots[x.slot(ring, id)]
	return int(found) - 1, found != 0
}

func (x *index) insert(ring []entry, at int) {
	x.slots[x.slot(ring, ring[at].id)] = uint32(at) + 1
}

// remove closes the gap: what lies behind it moves up, unless it would come to
// lie before its home.
func (x *index) remove(ring []entry, at int) {
	gap := x.slot(ring, ring[at].id)
	for slot := x.following(gap); x.slots[slot] != 0; slot = x.following(slot) {
		home := x.home(ring[x.slots[slot]-1].id)
		mask := len(x.slots) - 1
		if (slot-home)&mask >= (slot-gap)&mask {
			x.slots[gap] = x.slots[slot]
			gap = slot
		}
	}
	x.slots[gap] = 0
}
