package daemon

import (
	"context"
	"fmt"
	"time"
)

// Poll asks every so often until ok, an error, or the limit.
func Poll(ctx context.Context, what string, limit, every time.Duration, ok func() (bool, error)) error {
	for end := time.Now().Add(limit); ; {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: not within %s", what, limit)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}
