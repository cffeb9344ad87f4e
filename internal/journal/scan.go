package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// scan is the whole store read from its files, without the engine and without
// changing a byte.
type scan struct {
	contents *contents
	chain    chain
	evidence *evidenceLog
	findings []Finding
}

// scanStore reads the store and holds it against the side file.
func scanStore(dir string, h head) (scan, error) {
	var s scan
	s.findings = append(s.findings, checkFiles(dir, h)...)
	var c *contents
	bad, err := scanBlocks(dir, recordStream, func() func(message) {
		c = newContents()
		return c.add
	})
	if err != nil {
		return s, err
	}
	s.contents, s.chain = c, follow(c, h)
	harmed := slices.ContainsFunc(s.chain.findings, func(f Finding) bool { return f.Kind.harmsRecord() })
	for _, b := range bad {
		s.findings = append(s.findings, b.finding(harmed, Changed))
	}
	s.findings = append(s.findings, s.chain.findings...)
	return s, s.scanEvidence(dir, h)
}

func (s *scan) scanEvidence(dir string, h head) error {
	bad, err := scanBlocks(dir, evidenceStream, func() func(message) {
		s.evidence = newEvidenceLog()
		return s.evidence.add
	})
	if err != nil {
		return err
	}
	found := s.evidence.check(h.Evidence)
	harmed := slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == EvidenceDamaged })
	for _, b := range bad {
		s.findings = append(s.findings, b.finding(harmed, EvidenceDamaged))
	}
	s.findings = append(s.findings, found...)
	return nil
}

// finding: bytes that make no sense at the end of the last block, after all
// that was acknowledged, are the rest of a write that a crash cut short.
func (b badBytes) finding(harmed bool, damage Kind) Finding {
	kind := damage
	if b.Last && !harmed {
		kind = Unfinished
	}
	return Finding{Kind: kind, File: b.File, What: fmt.Sprintf("%s at byte %d; %d bytes from there on cannot be read", b.What, b.Offset, b.Length)}
}

func (s scan) intact() bool { return Report{Findings: s.findings}.Intact() }

// checkFiles looks at the engine's own files beside the blocks.
func checkFiles(dir string, h head) []Finding {
	var found []Finding
	for _, stream := range []string{recordStream, evidenceStream} {
		if f, ok := checkStreamMeta(dir, stream, h); ok {
			found = append(found, f)
		}
		if f, ok := checkIndex(dir, stream, h); ok {
			found = append(found, f)
		}
	}
	return found
}

// checkStreamMeta verifies a stream's configuration (which holds DenyDelete and
// DenyPurge) with the checksum beside it: the engine silently leaves a stream
// out when they do not match.
func checkStreamMeta(dir, stream string, h head) (Finding, bool) {
	rel := streamDir(stream)
	if _, err := os.Stat(filepath.Join(dir, rel)); errors.Is(err, fs.ErrNotExist) {
		if stream == evidenceStream {
			return Finding{Kind: EvidenceDamaged, File: rel, What: "the directory of the evidence is not there"}, true
		}
		return Finding{Kind: Missing, File: rel, What: "the directory of the record is not there"}, true
	}
	inf := filepath.Join(rel, "meta.inf")
	meta, err := os.ReadFile(filepath.Join(dir, inf))
	if err != nil {
		return Finding{Kind: Missing, File: inf, What: "the stream's configuration cannot be read"}, true
	}
	want, err := os.ReadFile(filepath.Join(dir, rel, "meta.sum"))
	if err != nil {
		return Finding{Kind: Missing, File: filepath.Join(rel, "meta.sum"), What: "the checksum of the stream's configuration cannot be read"}, true
	}
	if hex.EncodeToString(sumOf(newSum(stream), meta)) != string(want) {
		return Finding{Kind: Changed, File: inf, What: "the stream's configuration does not match meta.sum beside it"}, true
	}
	return Finding{}, false
}

func indexFile(stream string) string { return filepath.Join(streamDir(stream), "msgs", "index.db") }

// checkIndex reports an index that had existed and does not, or whose checksum
// (the last eight bytes) is wrong. The engine rebuilds it from the blocks.
func checkIndex(dir, stream string, h head) (Finding, bool) {
	file := indexFile(stream)
	data, err := os.ReadFile(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		if !slices.Contains(h.Indexes, file) {
			return Finding{}, false
		}
		return Finding{Kind: IndexRebuilt, File: file, What: "the index had existed and is not there; everything was read without it"}, true
	}
	if err != nil {
		return Finding{Kind: IndexRebuilt, File: file, What: "the index cannot be read: " + err.Error()}, true
	}
	end := len(data) - blockSum
	if end < 0 || !bytes.Equal(sumOf(newSum(stream), data[:end]), data[end:]) {
		return Finding{Kind: IndexRebuilt, File: file, What: "the index was changed; everything was read without it"}, true
	}
	return Finding{}, false
}

// withIndexes remembers which index files exist.
func (h head) withIndexes(dir string) head {
	h = h.clone()
	for _, stream := range []string{recordStream, evidenceStream} {
		file := indexFile(stream)
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil && !slices.Contains(h.Indexes, file) {
			h.Indexes = append(h.Indexes, file)
		}
	}
	return h
}
