package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// mostRecords bounds the records of one commit, below the engine's bound for
// what is written at once.
const mostRecords = 500

// attempt is a commit on its way: what it says, and what the store is after it.
type attempt struct {
	token    string
	rev      uint64 // the revision it was based on
	said     string // digest of the state and the records
	messages []outgoing
	after    head
	state    []byte
}

// Commit replaces a key's state and appends records, both or neither, and
// returns when they are on disk. rev is the revision the caller has read, 0
// for none; ErrConflict when it is not the present one.
//
// After any other error the outcome may be unknown (a full disk). The next
// Commit finds out first: if it says exactly the same it gets the revision
// that was written, if it does not it gets ErrConflict and has to Load again.
// Once writing has begun ctx no longer cuts it short.
func (j *Journal) Commit(ctx context.Context, key string, rev uint64, state []byte, records ...json.RawMessage) (uint64, error) {
	if err := checkCommit(key, state, records); err != nil {
		return 0, err
	}
	give, err := j.take(ctx)
	if err != nil {
		return 0, err
	}
	defer give()
	if err := j.ready(); err != nil {
		return 0, err
	}
	token, said := encodeKey(key), fingerprint(state, records)
	if j.wasWritten(token, rev, said) {
		return j.head.States[token].Rev, nil
	}
	if at := j.head.States[token].Rev; at != rev {
		return 0, fmt.Errorf("commit %q based on revision %d, now at %d: %w", key, rev, at, ErrConflict)
	}
	a := j.attempt(token, state, records, time.Now().UTC())
	a.rev, a.said = rev, said
	if err := j.write(ctx, a); err != nil {
		return 0, fmt.Errorf("commit %q: %w", key, err)
	}
	return a.after.Commit, nil
}

func checkCommit(key string, state []byte, records []json.RawMessage) error {
	if err := checkKey(key); err != nil {
		return err
	}
	const room = 4 << 10 // metadata and headers
	if len(state) > maxMessage-room {
		return fmt.Errorf("commit %q: state of %d bytes is larger than %d", key, len(state), maxMessage-room)
	}
	if len(records) > mostRecords {
		return fmt.Errorf("commit %q: %d records at once, at most %d", key, len(records), mostRecords)
	}
	for i, r := range records {
		if len(r) > maxMessage-room {
			return fmt.Errorf("commit %q: record %d of %d bytes is larger than %d", key, i, len(r), maxMessage-room)
		}
		if !json.Valid(r) {
			return fmt.Errorf("commit %q: record %d is not JSON", key, i)
		}
	}
	return nil
}

// attempt lays out the messages: the records first, the state last, so that
// the state's presence says that the commit is whole.
func (j *Journal) attempt(token string, state []byte, records []json.RawMessage, now time.Time) *attempt {
	a := &attempt{token: token, state: slices.Clone(state)}
	commit, count, hash := j.head.Commit+1, j.head.Count, j.head.Hash
	for _, body := range records {
		count++
		data, h := seal(sealedRecord{Kind: recordKind, Seq: count, Time: now, Commit: commit, Key: token,
			State: digest(state), After: j.head.Link, Prev: hash}, body)
		hash = h
		a.messages = append(a.messages, outgoing{subject: recordSubjectOf(count), after: j.void[count], data: data})
	}
	data, link := seal(sealedState{Kind: stateKind, Key: token, Commit: commit, After: j.head.Link,
		Records: uint64(len(records)), Count: count, Head: hash}, state)
	a.messages = append(a.messages, outgoing{subject: stateSubject + token, after: j.ats[token], data: data})
	a.after = j.head.advanced(token, commit, link, count, hash)
	return a
}

// write puts the attempt on disk: stream first, side file second. Whatever
// fails leaves it unsure, and the engine is started anew before the next use:
// after a write error it refuses all further ones.
func (j *Journal) write(ctx context.Context, a *attempt) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	at, err := j.engine.publish(ctx, a.messages...)
	if err == nil {
		err = j.writeHead(j.marked(a.after))
	}
	if err != nil {
		j.log.Error("journal write failed, starting the engine anew", "error", err)
		j.unsure = a
		j.engine.stop()
		j.engine = nil
		return err
	}
	j.ats[a.token], j.bodies[a.token] = at, a.state
	maps.DeleteFunc(j.void, func(n, _ uint64) bool { return n <= j.head.Count })
	j.publishView()
	return nil
}

// writeHead replaces the side file, and with it what counts as acknowledged.
func (j *Journal) writeHead(h head) error {
	if err := writeHead(j.config.Dir, h); err != nil {
		return err
	}
	j.head, j.synced = h, time.Now()
	return nil
}

// ready starts the engine anew when a write has failed.
func (j *Journal) ready() error {
	if j.engine != nil {
		return nil
	}
	if err := j.start(); err != nil {
		return fmt.Errorf("journal is not ready: %w", err)
	}
	return nil
}

// settle compares the unsure attempt with what the store turned out to hold.
func (j *Journal) settle() {
	if j.unsure != nil && j.head.Link != j.unsure.after.Link {
		j.unsure = nil
	}
}

// wasWritten says whether this very commit is the one that had failed and
// turned out to be written. The answer is given once.
func (j *Journal) wasWritten(token string, rev uint64, said string) bool {
	a := j.unsure
	j.unsure = nil
	return a != nil && a.token == token && a.rev == rev && a.said == said
}

func fingerprint(state []byte, records []json.RawMessage) string {
	var b strings.Builder
	b.WriteString(digest(state))
	for _, r := range records {
		b.WriteString(digest(r))
	}
	return b.String()
}
