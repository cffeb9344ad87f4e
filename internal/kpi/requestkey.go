package kpi

import "github.com/dchest/siphash"

// RequestKey is the hash of X-Request-Id by which outcomes find the request
// that they belong to: SipHash-2-4 of the id's bytes under a fixed key, so that
// every process, today's and the one after a restart, finds the same. Never 0,
// which means that there is none.
//
// The key is no secret, and needs to be none: who chooses ids that collide
// confuses the outcomes of those requests alone. SipHash because it is at hand
// (the split uses it), specified to the byte, and spreads ids that differ in a
// digit, as counters do, over all 64 bits: of 200,000 ids two collide in one of
// 10⁹ cases.
func RequestKey(id []byte) uint64 {
	return max(siphash.Hash(requestKey0, requestKey1, id), 1)
}

// "headgate" and "requests", little-endian.
const (
	requestKey0 = 0x6574616764616568
	requestKey1 = 0x7374736575716572
)
