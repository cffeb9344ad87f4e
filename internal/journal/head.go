package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	headFile   = "head.json"
	formatFile = "format"
	// format is the number of the layout that DESIGN.md describes.
	format = 1
	// mostMarks bounds the evidence keys of which the side file remembers the end.
	mostMarks = 64
	// mostNotes bounds the findings of earlier starts that are kept.
	mostNotes = 32
)

// head is the side file: what the streams must at least hold. It is replaced
// as a whole and never mutated, so a copy taken under the lock stays valid.
type head struct {
	Commit   uint64             `json:"commit"` // commits acknowledged
	Link     string             `json:"link"`   // hash of the last commit's state message
	Count    uint64             `json:"count"`  // records acknowledged
	Hash     string             `json:"hash"`   // hash of the last record
	States   map[string]stateAt `json:"states"` // by encoded key
	Evidence map[string]mark    `json:"evidence"`
	// Indexes names the engine's index files that had existed. The engine
	// rebuilds a missing one without a word; this is how we know.
	Indexes []string  `json:"indexes"`
	Notes   []Finding `json:"notes"` // what earlier starts found and survived
}

// stateAt is a key's acknowledged state: the commit that wrote it (the
// revision callers see) and the hash of its message.
type stateAt struct {
	Rev  uint64 `json:"rev"`
	Hash string `json:"hash"`
}

// mark is the end of a key's evidence when the side file was last written.
type mark struct {
	Seq uint64 `json:"seq"`
	At  uint64 `json:"at"` // the engine's sequence, to tell discarded from lost
}

func newHead() head {
	return head{Link: genesis, Hash: genesis, States: map[string]stateAt{}, Evidence: map[string]mark{}}
}

func (h head) clone() head {
	h.States = maps.Clone(h.States)
	h.Evidence = maps.Clone(h.Evidence)
	h.Indexes = slices.Clone(h.Indexes)
	h.Notes = slices.Clone(h.Notes)
	return h
}

// withNotes adds what this start found. A note that is already there with the
// same words is not repeated.
func (h head) withNotes(found []Finding, now time.Time) head {
	h = h.clone()
	for _, f := range found {
		same := func(n Finding) bool { n.At = time.Time{}; return n == f }
		if slices.ContainsFunc(h.Notes, same) && f.Kind != IndexRebuilt {
			continue
		}
		f.At = now
		h.Notes = append(h.Notes, f)
	}
	if over := len(h.Notes) - mostNotes; over > 0 {
		h.Notes = h.Notes[over:]
	}
	return h
}

// prune drops the oldest marks beyond mostMarks.
func (h *head) prune() {
	for len(h.Evidence) > mostMarks {
		oldest := ""
		for k, m := range h.Evidence {
			if oldest == "" || m.At < h.Evidence[oldest].At {
				oldest = k
			}
		}
		delete(h.Evidence, oldest)
	}
}

// sealedHead is the metadata line of the side file; the file has the same form
// as a message, so an edited or flipped byte shows.
type sealedHead struct {
	Kind   string `json:"kind"`
	Format int    `json:"format"`
}

func readHead(dir string) (head, error) {
	data, err := os.ReadFile(filepath.Join(dir, headFile))
	if err != nil {
		return head{}, fmt.Errorf("read the journal's side file: %w", err)
	}
	var meta sealedHead
	_, _, body, err := unseal(data, &meta)
	if err != nil {
		return head{}, err
	}
	if meta.Kind != "head" || meta.Format != format {
		return head{}, errors.New("not a side file of this format")
	}
	h := newHead()
	if err := json.Unmarshal(body, &h); err != nil {
		return head{}, fmt.Errorf("side file: %w", err)
	}
	if h.States == nil || h.Evidence == nil {
		return head{}, errors.New("not a side file of this format")
	}
	return h, nil
}

func writeHead(dir string, h head) error {
	body, err := json.Marshal(h)
	if err != nil {
		panic("BUG: journal side file cannot be marshalled: " + err.Error())
	}
	data, _ := seal(sealedHead{Kind: "head", Format: format}, append(body, '\n'))
	if err := replaceFile(dir, headFile, data); err != nil {
		return fmt.Errorf("write the journal's side file: %w", err)
	}
	return nil
}

// readFormat returns 0 when the store has not been initialised.
func readFormat(dir string) (int, error) {
	name := filepath.Join(dir, formatFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the journal's format: %w", err)
	}
	var n int
	if err := json.Unmarshal(bytes.TrimSpace(data), &n); err != nil || n < 1 {
		return 0, &DamagedError{File: formatFile, Findings: []Finding{{Kind: Changed, File: formatFile, What: "not a format number"}}}
	}
	if n > format {
		return 0, &FormatError{File: name, Format: n, Known: format}
	}
	return n, nil
}

func writeFormat(dir string) error {
	return replaceFile(dir, formatFile, fmt.Appendf(nil, "%d\n", format))
}
