package journal

import (
	"fmt"
	"time"
)

// Kind is what a Finding found.
type Kind string

const (
	// Changed: bytes differ from what was written.
	Changed Kind = "changed"
	// Missing: something that was acknowledged is not there, and later things are.
	Missing Kind = "missing"
	// CutOff: the end of what was acknowledged is not there.
	CutOff Kind = "cut off"
	// IndexRebuilt: the engine's own index was missing or damaged; every record
	// was verified without it. The record itself is not harmed.
	IndexRebuilt Kind = "index rebuilt"
	// Unfinished: bytes of a write that was never acknowledged. Harmless.
	Unfinished Kind = "unfinished write"
	// Discarded: the oldest evidence went because of the size bound. Harmless.
	Discarded Kind = "evidence discarded"
	// EvidenceDamaged: evidence was changed or is missing; the record is whole.
	EvidenceDamaged Kind = "evidence damaged"
)

// Finding is one thing that Verify has to say.
type Finding struct {
	Kind Kind      `json:"kind"`
	File string    `json:"file,omitempty"` // relative to the journal's directory
	From uint64    `json:"from,omitempty"` // first record (or evidence number) concerned, 0 when none
	To   uint64    `json:"to,omitempty"`   // last one, included
	What string    `json:"what"`
	At   time.Time `json:"at,omitzero"` // when an earlier start noticed it; zero: it is so now
}

func (f Finding) String() string {
	s := string(f.Kind)
	switch {
	case f.From != 0 && f.From == f.To:
		s += fmt.Sprintf(" %d", f.From)
	case f.From != 0:
		s += fmt.Sprintf(" %d to %d", f.From, f.To)
	}
	if f.File != "" {
		s += " in " + f.File
	}
	return s + ": " + f.What
}

// Report is the outcome of a verification.
type Report struct {
	Count    uint64    `json:"count"`  // records in the unbroken chain from the first on
	Head     string    `json:"head"`   // hash of the last of them
	States   int       `json:"states"` // keys with a state
	Evidence uint64    `json:"evidence"`
	Findings []Finding `json:"findings"`
}

// Intact reports whether all that was acknowledged as state and record is there
// unchanged. Findings about indexes, evidence and unfinished writes do not
// count here; callers print them all the same.
func (r Report) Intact() bool {
	for _, f := range r.Findings {
		if f.Kind.harmsRecord() {
			return false
		}
	}
	return true
}

func (k Kind) harmsRecord() bool { return k == Changed || k == Missing || k == CutOff }
