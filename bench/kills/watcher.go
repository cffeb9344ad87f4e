package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
)

// strike lets the candidate fail and kills Headgate at the job's point. It
// returns when the process is gone.
func (c *cycle) strike(ctx context.Context) error {
	p := c.job.point
	if p.call > 0 {
		wait := time.Duration(c.random.Int64N(int64(12 * time.Millisecond)))
		c.h.relay.reset(&trigger{call: p.call, moment: p.moment, kill: c.h.Kill, wait: wait})
		c.fail()
		return c.awaitDead(ctx)
	}
	see, err := c.watcher(ctx, p.watch)
	if err != nil {
		return err
	}
	c.fail()
	if err := see(); err != nil {
		return fmt.Errorf("watch for %s: %w", p, err)
	}
	c.h.Kill()
	return nil
}

// fail makes three of five predictions of the candidate fail: plainly worse,
// and nothing for the breaker, which wants twenty in a row.
func (c *cycle) fail() {
	c.failedAt = since(time.Now())
	c.h.candidate.failing.Store(60)
}

// errNotReached says that a rollback came to its end without its kill.
var errNotReached = errors.New("the kill point was not reached")

func (c *cycle) awaitDead(ctx context.Context) error {
	select {
	case <-c.h.Dead:
		return nil
	case <-time.After(30 * time.Second):
		return errNotReached
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watcher prepares to see an event; see blocks until it does.
func (c *cycle) watcher(ctx context.Context, w watch) (see func() error, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	done := func(see func() error) (func() error, error) {
		return func() error { defer cancel(); return see() }, nil
	}
	switch w {
	case watchFailing:
		return done(func() error {
			time.Sleep(time.Duration(c.random.Int64N(int64(time.Second))))
			return nil
		})
	case watchTraffic, watchSoon:
		user, err := c.users.candidateUser(ctx)
		if err != nil {
			cancel()
			return nil, err
		}
		return done(func() error {
			err := c.users.awaitOff(ctx, user)
			if w == watchSoon {
				time.Sleep(time.Duration(c.random.Int64N(int64(30 * time.Millisecond))))
			}
			return err
		})
	case watchJournal:
		// Of the record, not of the strata; nothing but a decision writes it.
		files := []string{filepath.Join(c.h.State(), "jetstream", "$G", "streams", "RECORD", "msgs"), filepath.Join(c.h.State(), "head.json")}
		if c.random.IntN(2) == 0 {
			files = files[:1] // else the side file is what is waited for
		} else {
			files = files[1:]
		}
		was := fingerprint(files[0])
		return done(func() error { return until(ctx, func() bool { return fingerprint(files[0]) != was }) })
	case watchTicket:
		return done(func() error { return until(ctx, func() bool { return len(names(c.h.Incidents(), "")) > 0 }) })
	case watchKept:
		return done(func() error { return until(ctx, func() bool { return len(names(c.h.Incidents(), ".json")) > 0 }) })
	case watchEnd:
		return done(func() error {
			_, err := c.h.Await(ctx, "rolled back", 30*time.Second, func(v client.View) bool { return v.Phase == "rolled_back" })
			return err
		})
	case watchNothing:
	}
	cancel()
	return nil, fmt.Errorf("BUG: no watcher for %d", w)
}

// until looks every fifth of a millisecond.
func until(ctx context.Context, ok func() bool) error {
	for !ok() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(200 * time.Microsecond)
	}
	return nil
}

// fingerprint changes when a file, or a file in a directory, does.
func fingerprint(path string) string {
	var b strings.Builder
	paths := []string{path}
	if entries, err := os.ReadDir(path); err == nil {
		for _, e := range entries {
			paths = append(paths, filepath.Join(path, e.Name()))
		}
	}
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			fmt.Fprint(&b, p, info.Size(), info.ModTime().UnixNano(), ";")
		}
	}
	return b.String()
}

// names in a directory that end in suffix; a finished file's name has no dot in
// front.
func names(dir, suffix string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if suffix == "" || (strings.HasSuffix(e.Name(), suffix) && !strings.HasPrefix(e.Name(), ".")) {
			out = append(out, e.Name())
		}
	}
	return out
}

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
