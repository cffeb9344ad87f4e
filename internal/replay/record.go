package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/headgate/headgate/internal/rollout"
)

// Evidence is where strata are read from: the journal.
type Evidence interface {
	EvidenceEnd(ctx context.Context, key string) (uint64, error)
	Evidence(ctx context.Context, key string, fn func(seq uint64, data []byte) error) error
}

// errEnough ends a walk over the strata.
var errEnough = errors.New("enough")

// Copy writes the recording of a rollout as the journal holds it. Of one that is
// live it leaves out the last stratum: what was decided on it may not be written
// yet. Strata that the log has lost are not there: Run names them.
func Copy(ctx context.Context, w io.Writer, s rollout.State, e Evidence, records func(context.Context, func(Line) error) error) error {
	key := rollout.EvidenceKey(s.Model, s.ID)
	last, err := e.EvidenceEnd(ctx, key)
	if err != nil {
		return err
	}
	if s.Phase.Live() && last > 0 {
		last--
	}
	out, err := NewWriter(w, NewHeader(s))
	if err != nil {
		return err
	}
	if err := records(ctx, out.Record); err != nil { // after last: they hold all that rests on it
		return err
	}
	err = e.Evidence(ctx, key, func(seq uint64, data []byte) error {
		if seq > last {
			return errEnough
		}
		stratum, err := rollout.ReadStratum(data)
		if err != nil {
			return fmt.Errorf("stratum %d: %w", seq, err)
		}
		return out.Stratum(stratum)
	})
	if err != nil && !errors.Is(err, errEnough) && !lost(err) {
		return err
	}
	return out.End()
}

// lost says that an error is about evidence that is not there any more.
func lost(err error) bool {
	var gap interface{ Missing() (from, to uint64) }
	return errors.As(err, &gap)
}

// About reports whether a line of the journal is about a rollout.
func About(body json.RawMessage, model, id string) (rollout.RecordedLine, bool) {
	l, err := rollout.ReadLine(body)
	return l, err == nil && l.Rollout == id && l.Model == model
}
