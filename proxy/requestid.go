package proxy

import (
	"encoding/hex"
	"math/rand/v2"
)

// maxRequestID is the longest request id that is taken from a client.
const maxRequestID = 128

func validRequestID(id []byte) bool {
	return len(id) > 0 && len(id) <= maxRequestID && idSet.all(id)
}

// appendRandomID writes 32 hexadecimal digits. They tell requests apart; they
// are no secret.
func appendRandomID(b []byte) []byte {
	var raw [16]byte
	for i := 0; i < len(raw); i += 8 {
		v := rand.Uint64()
		for j := range 8 {
			raw[i+j] = byte(v >> (8 * j))
		}
	}
	return hex.AppendEncode(b, raw[:])
}
