package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Journal is an open store. All methods may be called from many goroutines;
// writes happen one after the other.
type Journal struct {
	config Config
	log    hclog.Logger
	lock   *dirLock

	// turn holds one token; who has it may touch everything below but view.
	turn   chan struct{}
	closed bool
	engine *engine // nil when it has to be started anew
	head   head
	ats    map[string]uint64 // the engine's sequence of each key's state
	bodies map[string][]byte // each key's state
	void   map[uint64]uint64 // see chain
	runs   map[string]*evidenceRun
	fresh  map[string]mark // evidence appended since the store was opened
	unsure *attempt        // a commit of which it is not known whether it was written
	synced time.Time

	// view is what readers see: replaced after each commit, never mutated.
	view atomic.Pointer[view]
}

// view is an immutable picture of the acknowledged states.
type view struct {
	head   head
	bodies map[string][]byte
}

// Open takes the directory's lock, verifies every message of the store against
// the side file, and only then starts the engine. It returns a *LockedError,
// a *FormatError or a *DamagedError where that is the reason; a damaged store
// is left as it was found.
func Open(c Config, log hclog.Logger) (*Journal, error) {
	c.SetDefaults()
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the journal's directory: %w", err)
	}
	lock, err := lockDir(c.Dir, c.LockWait)
	if err != nil {
		return nil, err
	}
	j := &Journal{config: c, log: log, lock: lock, turn: make(chan struct{}, 1), fresh: map[string]mark{}}
	if err := j.start(); err != nil {
		_ = lock.release() // the error that counts is the start's
		return nil, err
	}
	j.turn <- struct{}{}
	return j, nil
}

// Close ends the engine, writes the side file and gives up the lock. It may be
// called again.
func (j *Journal) Close() error {
	<-j.turn
	defer func() { j.turn <- struct{}{} }()
	if j.closed {
		return nil
	}
	j.closed = true
	if j.engine == nil { // a write has failed: what is on disk is for the next start to find out
		return j.lock.release()
	}
	j.engine.stop()
	j.engine = nil
	err := j.writeHead(j.marked(j.head)) // the engine has just written its index files
	return errors.Join(err, j.lock.release())
}

// take gets the turn or gives up with ctx. give must be called once.
func (j *Journal) take(ctx context.Context) (give func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-j.turn:
	}
	give = func() { j.turn <- struct{}{} }
	if j.closed {
		give()
		return nil, ErrClosed
	}
	return give, nil
}

// Load returns a key's state and its revision; nil and 0 when there is none.
// The state was verified when the store was opened.
func (j *Journal) Load(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := errors.Join(ctx.Err(), checkKey(key)); err != nil {
		return nil, 0, err
	}
	v, token := j.view.Load(), encodeKey(key)
	at, ok := v.head.States[token]
	if !ok {
		return nil, 0, nil
	}
	return slices.Clone(v.bodies[token]), at.Rev, nil
}

// Keys returns all keys with a state, sorted.
func (j *Journal) Keys(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var keys []string
	for token := range j.view.Load().head.States {
		key, err := decodeKey(token)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, nil
}

// Head returns the number of records and the hash of the last one (64 zeros
// when there is none).
func (j *Journal) Head() (count uint64, hash string) {
	h := j.view.Load().head
	return h.Count, h.Hash
}

// publishView shows readers what is acknowledged now.
func (j *Journal) publishView() {
	j.view.Store(&view{head: j.head, bodies: maps.Clone(j.bodies)})
}
