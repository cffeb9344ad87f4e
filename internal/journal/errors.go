package journal

import (
	"errors"
	"fmt"
	"strings"
)

// ErrConflict says that the state has moved on since the caller read it: Load
// it again and decide anew. It also follows a Commit whose outcome was unknown
// (an error from a full disk) and that turned out to be written.
var ErrConflict = errors.New("state has changed since it was read")

// ErrClosed is returned by every method after Close.
var ErrClosed = errors.New("journal is closed")

// LockedError says that another process holds the directory.
type LockedError struct {
	Dir string
	PID int // 0 when the holder left no number
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("journal directory %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("journal directory %s is in use by process %d", e.Dir, e.PID)
}

// FormatError says that the store was written by a newer Headgate.
type FormatError struct {
	File   string
	Format int // what the file says
	Known  int // the newest format this binary can read
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: state format %d was written by a newer headgate, this one knows formats up to %d", e.File, e.Format, e.Known)
}

// DamagedError says that the store does not match its side file, or is not
// whole in itself. The store was left untouched.
type DamagedError struct {
	File          string // the first file that shows it
	ExpectedCount uint64 // records that were acknowledged
	ExpectedHead  string // hash of the last of them
	FoundCount    uint64 // records that could be read in an unbroken chain
	FoundHead     string
	Findings      []Finding
}

func (e *DamagedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "journal is damaged, see %s: expected %d records with head %s, found %d with head %s",
		e.File, e.ExpectedCount, e.ExpectedHead, e.FoundCount, e.FoundHead)
	const most = 5
	for i, f := range e.Findings {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(e.Findings)-most)
			break
		}
		b.WriteString("; ")
		b.WriteString(f.String())
	}
	return b.String()
}

// GapError says which evidence of a key is not there or cannot be trusted.
// From and To are the first and last missing number, both included.
type GapError struct {
	Key      string
	From, To uint64
}

// Missing is what is not there, for packages that do not know this one.
func (e *GapError) Missing() (from, to uint64) { return e.From, e.To }

func (e *GapError) Error() string {
	return fmt.Sprintf("evidence of %q: %d to %d is missing", e.Key, e.From, e.To)
}
