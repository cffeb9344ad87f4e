package replay

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// Format is the version of recordings that this binary writes; it reads all up
// to it.
const Format = 1

// Header is what a recording is of.
type Header struct {
	Format     int            `json:"format"`
	Model      string         `json:"model"`
	ID         string         `json:"id"`
	Baseline   string         `json:"baseline"`
	Candidate  string         `json:"candidate"`
	StartedAt  time.Time      `json:"started_at"`
	FinishedAt *time.Time     `json:"finished_at,omitempty"`
	Phase      rollout.Phase  `json:"phase"`
	Cause      rollout.Cause  `json:"cause,omitempty"`
	Policy     rollout.Config `json:"policy"` // frozen at the start
	PolicyHash string         `json:"policy_hash"`
	// Edges are the upper edges of the latency bins, each as the distance from the
	// one before, in nanoseconds.
	Edges []time.Duration `json:"edges"`
}

// NewHeader describes the rollout of a state. Its salt stays where it is: with
// it anyone could work out who was sent where.
func NewHeader(s rollout.State) Header {
	h := Header{
		Format: Format, Model: s.Model, ID: s.ID, Baseline: s.Baseline, Candidate: s.Candidate,
		StartedAt: s.StartedAt, FinishedAt: s.FinishedAt, Phase: s.Phase, Cause: s.Cause,
		Policy: s.Policy, PolicyHash: s.PolicyHash,
	}
	layout := kpi.NewLayout(s.Policy.Thresholds()...)
	var last time.Duration
	for i := range layout.Bins() - 1 {
		edge, _ := layout.Edge(i)
		h.Edges = append(h.Edges, edge-last)
		last = edge
	}
	return h
}

// Live reports whether the rollout went on when the recording was read.
func (h Header) Live() bool { return h.Phase.Live() }

// edges of the recorded bins, ascending.
func (h Header) edges() []time.Duration {
	out := make([]time.Duration, len(h.Edges))
	var last time.Duration
	for i, d := range h.Edges {
		last += d
		out[i] = last
	}
	return out
}

// Line is a line of the journal with its place there.
type Line struct {
	Seq  uint64          `json:"seq"`
	Time time.Time       `json:"time"`
	Body json.RawMessage `json:"body"`
}

// DamagedError says that a recording is not what was written.
type DamagedError struct{ What string }

func (e *DamagedError) Error() string { return "the recording is damaged: " + e.What }

func damaged(format string, args ...any) error {
	return &DamagedError{What: fmt.Sprintf(format, args...)}
}

// IncompleteError says that strata of a recording are missing: they had made room
// in the evidence log before the rollout ended. A judge that has not seen all of
// a rollout can promise nothing about it, so it is not replayed.
type IncompleteError struct{ From, To uint64 }

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("the recording is not whole: strata %d to %d had made room in the evidence log (state.evidence_bytes)", e.From, e.To)
}

// FormatError says that a newer headgate wrote the recording.
type FormatError struct{ Found int }

func (e *FormatError) Error() string {
	return fmt.Sprintf("the recording has format %d of a newer headgate, this one reads up to %d", e.Found, Format)
}
