package rollout

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// RecordedLine is a line of the journal about a rollout, read back.
type RecordedLine struct {
	standing
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data,omitempty"`
}

// ReadLine reads a line of the journal; one that no rollout wrote has no Rollout.
func ReadLine(body []byte) (RecordedLine, error) {
	var l RecordedLine
	if err := json.Unmarshal(body, &l); err != nil {
		return l, fmt.Errorf("read a line of the journal: %w", err)
	}
	return l, nil
}

// RecordedStratum is a closed stratum without what only a restart needs: the
// users' keys and the judge's checkpoint.
type RecordedStratum struct {
	// Begin: the step's own evidence began with it.
	Begin bool `json:"begin,omitempty"`
	// Held is the hold's clock when it closed.
	Held    time.Duration `json:"held_ns,omitempty"`
	Stratum kpi.Stratum   `json:"stratum"`
}

// ReadStratum reads a piece of the evidence log.
func ReadStratum(data []byte) (RecordedStratum, error) {
	var s RecordedStratum
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("read a stratum: %w", err)
	}
	return s, nil
}

// EvidenceKey is where the strata of a rollout are kept.
func EvidenceKey(model, id string) string { return model + "/" + id }

// StateKey is where the state of a model's rollout is kept.
func StateKey(model string) string { return "rollout/" + model }
