package replay

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"

	"github.com/headgate/headgate/internal/rollout"
)

// A recording is JSON lines, each an object with one key that says what it is:
// one rollout, its records, its strata, and an end with the SHA-256 of all that
// stands before it.
type written struct {
	Rollout *Header                  `json:"rollout,omitempty"`
	Record  *Line                    `json:"record,omitempty"`
	Stratum *rollout.RecordedStratum `json:"stratum,omitempty"`
	End     *end                     `json:"end,omitempty"`
}

type end struct {
	Records uint64 `json:"records"`
	Strata  uint64 `json:"strata"`
	SHA256  string `json:"sha256"`
}

// Writer writes one recording: records first, then strata, then End.
type Writer struct {
	out *bufio.Writer
	sum hash.Hash
	end end
}

// NewWriter begins a recording on w.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	out := &Writer{out: bufio.NewWriterSize(w, 64<<10), sum: sha256.New()}
	return out, out.line(written{Rollout: &h})
}

// Record adds a line of the journal; in their order, before the first stratum.
func (w *Writer) Record(l Line) error {
	w.end.Records++
	return w.line(written{Record: &l})
}

// Stratum adds a closed stratum; in their order.
func (w *Writer) Stratum(s rollout.RecordedStratum) error {
	w.end.Strata++
	return w.line(written{Stratum: &s})
}

// End completes the recording: without it a reader refuses it.
func (w *Writer) End() error {
	w.end.SHA256 = hex.EncodeToString(w.sum.Sum(nil))
	if err := w.line(written{End: &w.end}); err != nil {
		return err
	}
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	return nil
}

func (w *Writer) line(v written) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	data = append(data, '\n')
	w.sum.Write(data)
	if _, err := w.out.Write(data); err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	return nil
}
