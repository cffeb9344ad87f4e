package journal

import (
	"context"
	"errors"
	"fmt"
)

// contents reads the whole record stream from the engine.
func (e *engine) contents(ctx context.Context) (*contents, error) {
	c := newContents()
	err := e.read(ctx, recordStream, ">", 1, func(m message) error { c.add(m); return nil })
	return c, err
}

// serves says whether the engine holds just what was read from the files: as
// many messages, the same end, the same last record and the same states. The
// records before were verified in the files a moment ago, and each is again
// when it is read; going through all of them twice would double the start.
func (e *engine) serves(ctx context.Context, c *contents) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := e.js.Stream(ctx, recordStream)
	if err != nil {
		return false, fmt.Errorf("find the record stream: %w", err)
	}
	state := stream.CachedInfo().State
	if state.Msgs != uint64(len(c.records)+len(c.states)) || state.LastSeq != c.last {
		return false, nil
	}
	ends := map[string]string{}
	for token, s := range c.states {
		ends[stateSubject+token] = s.hash
	}
	if r, ok := c.records[c.highest]; ok {
		ends[recordSubjectOf(c.highest)] = r.hash
	}
	for subject, want := range ends {
		m, err := e.lastOf(ctx, recordStream, subject)
		if errors.Is(err, errNotThere) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read %s: %w", subject, err)
		}
		var ignored struct{}
		if hash, _, _, err := unseal(m.Data, &ignored); err != nil || hash != want {
			return false, nil
		}
	}
	return true, nil
}
