package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

const (
	// mostReaders may read recordings at the same time: each walks the journal.
	mostReaders = 4
	// streamPatience is how long a reader of a recording may take for one chunk.
	streamPatience = 30 * time.Second
	streamChunk    = 256 << 10
)

// Evidence is what rollouts were decided on, for replays.
type Evidence interface {
	// Recordings lists what is recorded, the oldest first.
	Recordings(ctx context.Context, o RecordingsOf) ([]Recording, error)
	// Recording reads one, as JSON lines that end with a checksum.
	Recording(ctx context.Context, model, id string) (io.ReadCloser, error)
}

// RecordingsOf chooses recordings; zero values choose all.
type RecordingsOf struct {
	Model    string
	From, To time.Time // of the start
}

// Wants says whether a recording is among those chosen.
func (o RecordingsOf) Wants(r Recording) bool {
	return (o.Model == "" || o.Model == r.Model) &&
		(o.From.IsZero() || !r.StartedAt.Before(o.From)) && (o.To.IsZero() || !r.StartedAt.After(o.To))
}

// Recording is one recorded rollout.
type Recording struct {
	Model      string        `json:"model"`
	Rollout    string        `json:"rollout"`
	Baseline   string        `json:"baseline"`
	Candidate  string        `json:"candidate"`
	StartedAt  time.Time     `json:"started_at"`
	FinishedAt *time.Time    `json:"finished_at,omitempty"`
	Phase      rollout.Phase `json:"phase"`
	Cause      rollout.Cause `json:"cause,omitempty"`
	PolicyHash string        `json:"policy_hash"`
	Live       bool          `json:"live,omitempty"`
	// Bytes on disk; 0 for one that is not packed yet.
	Bytes int64 `json:"bytes,omitempty"`
	// Damaged says why it cannot be read; "" = nothing is known against it.
	Damaged string `json:"damaged,omitempty"`
}

func (s *Server) recordings(_ http.ResponseWriter, r *http.Request, _ string) (any, error) {
	o := RecordingsOf{Model: r.URL.Query().Get("model")}
	for name, at := range map[string]*time.Time{"from": &o.From, "to": &o.To} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, problem(CodeMalformed, name+" has to be a point in time such as 2027-01-31T12:00:00Z", "")
		}
		*at = t
	}
	list, err := s.backend.Recordings(r.Context(), o)
	if list == nil {
		list = []Recording{}
	}
	return list, err
}

// recording streams one. Headers are sent with the first chunk, so that what
// goes wrong before is a problem document; what goes wrong later breaks the
// connection, and the recording lacks its end.
func (s *Server) recording(w http.ResponseWriter, r *http.Request, _ string) (any, error) {
	select {
	case s.readers <- struct{}{}:
		defer func() { <-s.readers }()
	default:
		return nil, problem(CodeNotReady, "recordings are being read by as many as may", "try again in a moment")
	}
	in, err := s.backend.Recording(r.Context(), r.PathValue("model"), r.PathValue("rollout"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // only read
	chunk := make([]byte, streamChunk)
	n, err := io.ReadFull(in, chunk)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	patience := http.NewResponseController(w)
	for {
		_ = patience.SetWriteDeadline(time.Now().Add(streamPatience)) // a server without deadlines has none to move
		if _, werr := w.Write(chunk[:n]); werr != nil {
			return sent{}, nil // the caller has left
		}
		if err != nil {
			break
		}
		n, err = io.ReadFull(in, chunk)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.log.Error("recording not read to its end", "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
	return sent{}, nil
}

// sent is the answer of an endpoint that has written its own.
type sent struct{}
