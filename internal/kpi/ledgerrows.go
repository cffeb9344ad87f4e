package kpi

// kept is what the ledger keeps of a prediction until its label comes.
type kept struct {
	score float32
	bin   uint8
	about rowFlags
	label uint16 // trace of the label that came; 0 = none
}

// rowFlags hold the number of the group, 0 = none, and two properties.
type rowFlags uint8

const (
	groupMask     rowFlags = 1<<5 - 1
	favourableRow rowFlags = 1 << 5
	scored        rowFlags = 1 << 6
)

// rowRing keeps predictions in the order of their requests.
type rowRing struct {
	ring        []kept
	most        int // it grows to; 0: nothing is kept
	first, next uint64
}

func (r *rowRing) fits(n int) bool { return int(r.next-r.first)+n <= len(r.ring) }

// grow makes it twice as large; false when it is as large as it may be.
func (r *rowRing) grow(n int) bool {
	if len(r.ring) >= r.most {
		return false
	}
	ring := make([]kept, min(max(2*len(r.ring), firstRing, n), r.most))
	for seq := r.first; seq < r.next; seq++ {
		ring[seq%uint64(len(ring))] = *r.at(seq)
	}
	r.ring = ring
	return true
}

func (r *rowRing) at(seq uint64) *kept { return &r.ring[seq%uint64(len(r.ring))] }

// push adds rows and returns the lower half of where they begin.
func (r *rowRing) push(rows []kept) uint32 {
	begin := uint32(r.next)
	for _, row := range rows {
		*r.at(r.next) = row
		r.next++
	}
	return begin
}

func (r *rowRing) pop(n int) { r.first += uint64(n) }

// whole makes the number of a row from its lower half.
func (r *rowRing) whole(low uint32) uint64 { return r.first + uint64(low-uint32(r.first)) }
