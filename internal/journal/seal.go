package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// genesis stands where there is nothing before.
var genesis = strings.Repeat("0", hashLen)

const hashLen = 2 * sha256.Size

// A message is written as
//
//	<hash> <sealed JSON>\n<body>
//
// with hash = hex(SHA-256(sealed + "\n" + body)). What is hashed is what lies
// on disk, byte for byte: verification never has to marshal anything again.
// Nothing of it is in the engine's headers, which its checksum covers only in
// part.
const (
	recordKind   = "record"
	stateKind    = "state"
	evidenceKind = "evidence"
)

// sealedRecord is the metadata of a record. After is the link of the commit
// before, so that a record's hash covers every state committed before it, and
// State that of its own commit.
type sealedRecord struct {
	Kind   string    `json:"kind"`
	Seq    uint64    `json:"seq"`
	Time   time.Time `json:"time"`
	Commit uint64    `json:"commit"`
	Key    string    `json:"key"` // encoded
	State  string    `json:"state"`
	After  string    `json:"after"`
	Prev   string    `json:"prev"`
}

// sealedState is the metadata of a state. Its hash is the commit's link.
type sealedState struct {
	Kind    string `json:"kind"`
	Key     string `json:"key"` // encoded
	Commit  uint64 `json:"commit"`
	After   string `json:"after"`   // link of the commit before
	Records uint64 `json:"records"` // how many records this commit wrote
	Count   uint64 `json:"count"`   // records in the store with this commit
	Head    string `json:"head"`    // hash of the last of them
}

type sealedEvidence struct {
	Kind string `json:"kind"`
	Key  string `json:"key"` // encoded
	Seq  uint64 `json:"seq"` // from 1 per key, without gaps
}

// seal returns the message and its hash.
func seal(meta any, body []byte) (data []byte, hash string) {
	sealed, err := json.Marshal(meta)
	if err != nil {
		panic("BUG: journal metadata cannot be marshalled: " + err.Error())
	}
	data = make([]byte, 0, hashLen+len(sealed)+len(body)+2)
	data = append(data, genesis...)
	data = append(data, ' ')
	data = append(data, sealed...)
	data = append(data, '\n')
	data = append(data, body...)
	hash = digest(data[hashLen+1:])
	copy(data, hash)
	return data, hash
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// unseal verifies a message and takes it apart. The parts share data's memory.
func unseal(data []byte, meta any) (hash string, sealed, body []byte, err error) {
	if len(data) < hashLen+2 || data[hashLen] != ' ' {
		return "", nil, nil, errors.New("not a sealed message")
	}
	hash = string(data[:hashLen])
	if digest(data[hashLen+1:]) != hash {
		return "", nil, nil, errors.New("hash does not match")
	}
	sealed, body, ok := bytes.Cut(data[hashLen+1:], []byte{'\n'})
	if !ok {
		return "", nil, nil, errors.New("not a sealed message")
	}
	if err := json.Unmarshal(sealed, meta); err != nil {
		return "", nil, nil, fmt.Errorf("metadata: %w", err)
	}
	return hash, sealed, body, nil
}
