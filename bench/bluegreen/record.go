package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
)

// line is a record of the journal, as far as it matters here: every one says
// where the rollout stands after it.
type line struct {
	at     time.Duration // when it was committed
	Kind   string        `json:"kind"`
	Phase  string        `json:"phase"`
	Weight float64       `json:"weight"` // the candidate's share of the users
}

// colour is who serves users by this record: all of them, or it is an error.
func (l line) colour() (string, error) {
	switch l.Weight {
	case 0:
		return blue, nil
	case 1:
		return green, nil
	}
	return "", fmt.Errorf("record %s leaves users on both colours: weight %v", l.Kind, l.Weight)
}

// live says whether a rollout is under way after this record and not on its way
// back.
func (l line) live() bool {
	return l.Phase == "pending" || l.Phase == "progressing" || l.Phase == "paused"
}

// journal reads the record with the command that operators have: from the
// directory when nobody holds it, else from the server.
func (s *scene) journal(ctx context.Context) (lines []line, err error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, s.Binary, "audit", "export", "--dir", s.State(), "--admin", "http://"+s.Admin)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("audit export: %w: %s", err, stderr.Bytes())
	}
	for in := json.NewDecoder(bytes.NewReader(out)); in.More(); {
		var e client.Entry
		if err := in.Decode(&e); err != nil {
			return nil, fmt.Errorf("audit export: %w", err)
		}
		l := line{at: onClock(e.Time)}
		if err := json.Unmarshal(e.Body, &l); err != nil {
			return nil, fmt.Errorf("record %d: %w", e.Seq, err)
		}
		if l.Phase != "" { // it is about the rollout
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return nil, errors.New("audit export: no record of a rollout")
	}
	return lines, nil
}
