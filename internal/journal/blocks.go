package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
)

// Block files are read here without the engine, for two reasons: the engine
// cuts a damaged block off when it starts, which would destroy the traces, and
// it says nothing about it. The layout is the one of nats-server 2.15
// (server/filestore.go, writeMsgRecordLocked), unencrypted and uncompressed:
//
//	length u32 (high bit: has headers), sequence u64 (bit 62: tombstone,
//	bit 63: erased), time i64, subject length u16, subject,
//	[header length u32, header], message, HighwayHash-64 keyed with
//	SHA-256("<stream>-<block>") over sequence, time, subject, header, message
//
// all little-endian. Neither length is covered by the checksum; our own hash
// in the message is what is trusted.
const (
	blockSuffix  = ".blk"
	blockHeader  = 22
	blockSum     = 8
	headersBit   = 1 << 31
	notLiveBits  = 1<<63 | 1<<62
	mostRecord   = 32 << 20 // the engine's own bound
	scanAttempts = 5
)

// message is one message of a stream, from a block file or from the engine.
type message struct {
	Seq     uint64 // the engine's sequence
	Subject string
	Data    []byte
	File    string // relative to the journal's directory
}

// badBytes is where a block file stops making sense.
type badBytes struct {
	File   string
	Offset int
	Length int
	Last   bool // in the stream's last block, where an unfinished write may be
	What   string
}

func streamDir(stream string) string {
	return filepath.Join("jetstream", "$G", "streams", stream)
}

// scanBlocks reads all live messages of a stream in order. Deleted messages
// that are still on disk are among them: for a subject the last one counts.
// A block may be compacted or dropped while a live store is scanned; when a
// file vanishes the scan starts anew, with a new visitor from begin. A message
// is only valid while it is visited.
func scanBlocks(dir, stream string, begin func() func(message)) (bad []badBytes, err error) {
	for range scanAttempts {
		bad, err = scanOnce(dir, stream, begin())
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the blocks of %s: %w", stream, err)
	}
	return bad, nil
}

func scanOnce(dir, stream string, visit func(message)) (bad []badBytes, err error) {
	rel := filepath.Join(streamDir(stream), "msgs")
	numbers, err := blockNumbers(filepath.Join(dir, rel))
	if err != nil {
		return nil, err
	}
	for i, n := range numbers {
		name := filepath.Join(rel, strconv.Itoa(n)+blockSuffix)
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		offset, what := visitBlock(data, newSum(fmt.Sprintf("%s-%d", stream, n)), func(m message) {
			m.File = name
			visit(m)
		})
		if what != "" {
			bad = append(bad, badBytes{File: name, Offset: offset, Length: len(data) - offset, Last: i == len(numbers)-1, What: what})
		}
	}
	return bad, nil
}

// visitBlock goes through a block to its end or to the first record that is
// not sound; nothing after that can be told apart.
func visitBlock(data []byte, sum *highwayhash.Digest64, visit func(message)) (offset int, what string) {
	for offset < len(data) {
		m, size, what := parseRecord(data[offset:], sum)
		if what != "" {
			return offset, what
		}
		if m.Subject != "" {
			visit(m)
		}
		offset += size
	}
	return offset, ""
}

func blockNumbers(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if base, ok := strings.CutSuffix(e.Name(), blockSuffix); ok {
			if n, err := strconv.Atoi(base); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// parseRecord takes one record off b. what is empty when it is sound; a
// message without a subject is a tombstone or erased.
func parseRecord(b []byte, sum *highwayhash.Digest64) (m message, size int, what string) {
	if len(b) < blockHeader+blockSum {
		return m, 0, "too short for a message"
	}
	length := binary.LittleEndian.Uint32(b)
	hasHeaders := length&headersBit != 0
	size = int(length &^ headersBit)
	subject := int(binary.LittleEndian.Uint16(b[20:]))
	if size < blockHeader+blockSum || size > len(b) || size > mostRecord {
		return m, 0, "length of a message does not fit"
	}
	rest := b[blockHeader : size-blockSum]
	if subject > len(rest) {
		return m, 0, "length of a subject does not fit"
	}
	name, body := rest[:subject], rest[subject:]
	header := 0
	if hasHeaders {
		if len(body) < 4 {
			return m, 0, "length of a header does not fit"
		}
		header = int(binary.LittleEndian.Uint32(body))
		body = body[4:]
		if header > len(body) {
			return m, 0, "length of a header does not fit"
		}
	}
	if !bytes.Equal(sumOf(sum, b[4:20], name, body), b[size-blockSum:size]) {
		return m, 0, "checksum of a message does not match"
	}
	seq := binary.LittleEndian.Uint64(b[4:])
	if seq&notLiveBits != 0 || subject == 0 {
		return m, size, ""
	}
	return message{Seq: seq, Subject: string(name), Data: body[header:]}, size, ""
}

// newSum is the engine's checksum, keyed with a name.
func newSum(name string) *highwayhash.Digest64 {
	key := sha256.Sum256([]byte(name))
	h, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		panic("BUG: a SHA-256 sum is not a HighwayHash key: " + err.Error())
	}
	return h
}

func sumOf(h *highwayhash.Digest64, parts ...[]byte) []byte {
	h.Reset()
	for _, p := range parts {
		_, _ = h.Write(p) // a hash never fails
	}
	return h.Sum(nil)
}
