package journal

import (
	"encoding/json"
	"time"
)

// Entry is one record as it was written.
type Entry struct {
	Seq  uint64    `json:"seq"`  // from 1, without gaps
	Time time.Time `json:"time"` // wall time of the commit, UTC
	Prev string    `json:"prev"` // hash of the record before; 64 zeros for the first
	Hash string    `json:"hash"`
	// Sealed is the metadata that is hashed together with the body:
	// Hash = hex(SHA-256(Sealed + "\n" + Body)). It names Seq, Time, Prev, the
	// key and the digest of the state that was committed with the record, so an
	// export can be verified without Headgate.
	Sealed json.RawMessage `json:"sealed"`
	Body   json.RawMessage `json:"body"`
}
