package canary

import (
	"encoding/binary"
	"math/bits"

	"github.com/dchest/siphash"
)

// maxKey bounds the work that a client's key can cause, in bytes.
const maxKey = 256

// Split says which arm a key belongs to. It is an immutable value; the zero
// value puts everyone on the baseline.
type Split struct {
	k0, k1 uint64
	weight Weight
}

// NewSplit makes a split. A weight above Full means Full.
func NewSplit(salt Salt, w Weight) Split {
	return Split{
		k0:     binary.LittleEndian.Uint64(salt[:8]),
		k1:     binary.LittleEndian.Uint64(salt[8:]),
		weight: min(w, Full),
	}
}

// Weight returns the candidate's share.
func (s Split) Weight() Weight { return s.weight }

// Hash is SipHash-2-4 of at most the first 256 bytes of the key, keyed with
// the salt, so that nobody outside can compute a key for an arm.
func (s Split) Hash(key []byte) uint64 {
	return siphash.Hash(s.k0, s.k1, key[:min(len(key), maxKey)])
}

// Pick returns the hash's arm. The range of hashes is cut into Full equal
// slots and the candidate owns the lowest ones, so a larger weight only adds.
func (s Split) Pick(hash uint64) Arm {
	slot, _ := bits.Mul64(hash, uint64(Full))
	if slot < uint64(s.weight) {
		return Candidate
	}
	return Baseline
}
