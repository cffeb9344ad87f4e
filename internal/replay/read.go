package replay

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"

	"github.com/headgate/headgate/internal/rollout"
)

// longestLine bounds a line of a recording, in bytes; the journal's messages are
// shorter.
const longestLine = 16 << 20

// Reader reads a recording as it comes, so that a long one needs no memory.
// Nothing read is to be believed before Stratum has returned io.EOF: then the
// whole was what was written.
type Reader struct {
	Header Header
	// Records are the lines of the journal about the rollout, in order.
	Records []Line

	lines *bufio.Scanner
	sum   hash.Hash
	seen  end
	ahead *written // read and not given out yet
}

// NewReader reads the beginning of a recording up to its first stratum. The
// error is a *DamagedError or a *FormatError where that is the reason.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{lines: bufio.NewScanner(r), sum: sha256.New()}
	in.lines.Buffer(make([]byte, 0, 64<<10), longestLine)
	first, err := in.next()
	if err != nil {
		return nil, err
	}
	if first.Rollout == nil {
		return nil, damaged("it does not begin with a rollout")
	}
	in.Header = *first.Rollout
	switch h := in.Header; {
	case h.Format > Format:
		return nil, &FormatError{Found: h.Format}
	case h.Format < 1 || h.Model == "" || h.ID == "" || len(h.Edges) == 0:
		return nil, damaged("its first line does not say what it is of")
	}
	for {
		line, err := in.next()
		if err != nil {
			return nil, err
		}
		if line.Record == nil {
			in.ahead = &line
			return in, nil
		}
		in.seen.Records++
		in.Records = append(in.Records, *line.Record)
	}
}

// Stratum returns the next stratum; io.EOF at the end of a recording that is
// whole.
func (r *Reader) Stratum() (rollout.RecordedStratum, error) {
	line, err := r.take()
	switch {
	case err != nil:
		return rollout.RecordedStratum{}, err
	case line.Stratum != nil:
		r.seen.Strata++
		return *line.Stratum, nil
	case line.End != nil:
		return rollout.RecordedStratum{}, r.finish(*line.End)
	}
	return rollout.RecordedStratum{}, damaged("something else stands among its strata")
}

func (r *Reader) take() (written, error) {
	if r.ahead != nil {
		line := *r.ahead
		r.ahead = nil
		return line, nil
	}
	return r.next()
}

// finish holds the end against what was read.
func (r *Reader) finish(e end) error {
	if e != r.seen {
		return damaged("its end speaks of %d records and %d strata with another sum than the %d and %d that were read",
			e.Records, e.Strata, r.seen.Records, r.seen.Strata)
	}
	if r.lines.Scan() {
		return damaged("something stands behind its end")
	}
	if err := r.lines.Err(); err != nil {
		return readError(err)
	}
	r.ahead = &written{End: &e} // asked again it says the same
	r.lines = bufio.NewScanner(emptyReader{})
	return io.EOF
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, io.EOF }

func (r *Reader) next() (written, error) {
	if !r.lines.Scan() {
		if err := r.lines.Err(); err != nil {
			return written{}, readError(err)
		}
		return written{}, damaged("it is cut off after %d records and %d strata", r.seen.Records, r.seen.Strata)
	}
	data := r.lines.Bytes()
	var line written
	if err := json.Unmarshal(data, &line); err != nil {
		if broken := r.lines.Err(); broken != nil { // the line is cut because the reading was
			return line, readError(broken)
		}
		return line, damaged("after %d records and %d strata: %v", r.seen.Records, r.seen.Strata, err)
	}
	if line.End == nil {
		r.sum.Write(data)
		r.sum.Write([]byte{'\n'})
		return line, nil
	}
	if exact, err := json.Marshal(written{End: line.End}); err != nil || !bytes.Equal(exact, data) {
		return line, damaged("its end is not as it was written")
	}
	r.seen.SHA256 = hex.EncodeToString(r.sum.Sum(nil))
	return line, nil
}

// readError keeps a cancelled call apart from damage.
func readError(err error) error {
	var own *DamagedError
	if errors.As(err, &own) {
		return err
	}
	return &brokenError{err}
}

// brokenError is damage that the compression or the connection found.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return (&DamagedError{What: e.cause.Error()}).Error() }

func (e *brokenError) Unwrap() []error {
	return []error{&DamagedError{What: e.cause.Error()}, e.cause}
}
