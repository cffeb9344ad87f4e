package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Records calls fn for every acknowledged record from number from on (1 is the
// first), in order, each verified. A record that does not fit the chain ends
// it with a *DamagedError; an error of fn ends it with that error.
func (j *Journal) Records(ctx context.Context, from uint64, fn func(Entry) error) error {
	from = max(from, 1)
	for {
		page, err := j.recordPage(ctx, from)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if err := fn(e); err != nil {
				return err
			}
		}
		from = page[len(page)-1].Seq + 1
	}
}

// recordPage reads some records under the turn, so that fn runs without it and
// may itself use the journal.
func (j *Journal) recordPage(ctx context.Context, from uint64) ([]Entry, error) {
	give, err := j.take(ctx)
	if err != nil {
		return nil, err
	}
	defer give()
	if from > j.head.Count {
		return nil, nil
	}
	if err := j.ready(); err != nil {
		return nil, err
	}
	at, err := j.engine.lastOf(ctx, recordStream, recordSubjectOf(from))
	if err != nil {
		return nil, fmt.Errorf("record %d: %w", from, err)
	}
	page, prev, size := []Entry(nil), "", 0
	err = j.engine.read(ctx, recordStream, recordSubject+"*", at.Seq, func(m message) error {
		if len(page) == pageMessages || size > pageBytes || from+uint64(len(page)) > j.head.Count {
			return errStop
		}
		e, err := entryOf(m, from+uint64(len(page)), prev)
		if err != nil {
			return j.damagedRecord(from+uint64(len(page)), err)
		}
		prev, size = e.Hash, size+len(e.Body)
		page = append(page, e)
		return nil
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	if err == nil && len(page) == 0 {
		err = j.damagedRecord(from, errors.New("not there"))
	}
	return page, err
}

func entryOf(m message, n uint64, prev string) (Entry, error) {
	var meta sealedRecord
	hash, sealed, body, err := unseal(m.Data, &meta)
	if err != nil {
		return Entry{}, err
	}
	if meta.Kind != recordKind || meta.Seq != n || (prev != "" && meta.Prev != prev) {
		return Entry{}, errors.New("does not follow the record before it")
	}
	return Entry{Seq: n, Time: meta.Time, Prev: meta.Prev, Hash: hash,
		Sealed: json.RawMessage(slices.Clone(sealed)), Body: json.RawMessage(slices.Clone(body))}, nil
}

func (j *Journal) damagedRecord(n uint64, err error) error {
	f := Finding{Kind: Changed, File: streamDir(recordStream), From: n, To: n, What: err.Error()}
	return damaged(j.head, chain{count: n - 1}, []Finding{f})
}
