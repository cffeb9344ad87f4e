package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// markEvery is how far the side file's marks may lag behind the evidence: a
// tail that is cut off within it is not noticed.
const markEvery = time.Second

// AppendEvidence adds data under the key's next number, the first is 1. It
// returns when the data is on disk or ctx is done; in the latter case the
// outcome is unknown and the call is to be repeated with the same number, which
// writes it at most once. Old evidence makes room for new; see Config.
func (j *Journal) AppendEvidence(ctx context.Context, key string, seq uint64, data []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if len(data) > maxMessage-(4<<10) {
		return fmt.Errorf("evidence of %q: %d bytes are too large", key, len(data))
	}
	give, err := j.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	if err := j.ready(); err != nil {
		return err
	}
	err = j.appendNext(ctx, key, seq, data)
	if errors.Is(err, errMoved) {
		// The key's last piece has made room for newer evidence: the subject is
		// empty now, and run finds that out.
		err = j.appendNext(ctx, key, seq, data)
	}
	return err
}

func (j *Journal) appendNext(ctx context.Context, key string, seq uint64, data []byte) error {
	token := encodeKey(key)
	run, err := j.run(ctx, token)
	if err != nil {
		return fmt.Errorf("evidence of %q: %w", key, err)
	}
	last := max(run.last, j.head.Evidence[token].Seq)
	if run.unsure && run.last == seq {
		run.unsure = false // it had been written after all
		return nil
	}
	if seq != last+1 {
		return fmt.Errorf("evidence of %q: number %d does not follow %d", key, seq, last)
	}
	if err := j.appendEvidence(ctx, token, run, seq, data); err != nil {
		return fmt.Errorf("evidence of %q: %w", key, err)
	}
	return nil
}

func (j *Journal) appendEvidence(ctx context.Context, token string, run *evidenceRun, seq uint64, data []byte) error {
	sealed, _ := seal(sealedEvidence{Kind: evidenceKind, Key: token, Seq: seq}, data)
	at, err := j.engine.publish(ctx, outgoing{subject: evidenceSubject + token, after: run.at, data: sealed})
	if err != nil {
		run.unsure = true
		if ctx.Err() == nil && !errors.Is(err, errMoved) { // the engine refused: it does so until it is started anew
			j.log.Error("journal write failed, starting the engine anew", "error", err)
			j.engine.stop()
			j.engine = nil
		}
		return err
	}
	run.unsure, run.last, run.at = false, seq, at
	if run.first == 0 {
		run.first = seq
	}
	j.fresh[token] = mark{Seq: seq, At: at}
	if time.Since(j.synced) >= markEvery {
		if err := j.writeHead(j.marked(j.head)); err != nil {
			j.log.Warn("journal side file not written", "error", err) // the evidence itself is on disk
		}
	}
	return nil
}

// run returns what is known about a key's evidence, asking the engine when an
// earlier append ended without an answer.
func (j *Journal) run(ctx context.Context, token string) (*evidenceRun, error) {
	run := j.runs[token]
	if run == nil {
		run = &evidenceRun{}
		j.runs[token] = run
	}
	if !run.unsure {
		return run, nil
	}
	m, err := j.engine.lastOf(ctx, evidenceStream, evidenceSubject+token)
	if errors.Is(err, errNotThere) {
		run.at = 0
		return run, nil
	}
	if err != nil {
		return nil, err
	}
	var meta sealedEvidence
	if _, _, _, err := unseal(m.Data, &meta); err != nil {
		return nil, err
	}
	run.last, run.at = meta.Seq, m.Seq
	return run, nil
}

// marked is the side file with the present ends of the evidence and the index
// files that exist.
func (j *Journal) marked(h head) head {
	h = h.withIndexes(j.config.Dir)
	for token, m := range j.fresh {
		h.Evidence[token] = m
	}
	h.prune()
	return h
}

// EvidenceEnd is the number of a key's last piece of evidence, 0 for none.
func (j *Journal) EvidenceEnd(ctx context.Context, key string) (uint64, error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	give, err := j.take(ctx)
	if err != nil {
		return 0, err
	}
	defer give()
	token := encodeKey(key)
	end := j.head.Evidence[token].Seq
	if run := j.runs[token]; run != nil {
		end = max(end, run.last)
	}
	return end, nil
}

// Evidence calls fn for all evidence of a key that is there unchanged, in
// order. If anything is missing, at the beginning (it has made room), in the
// middle or at the end, it returns a *GapError for the first such stretch
// after the last call of fn.
func (j *Journal) Evidence(ctx context.Context, key string, fn func(seq uint64, data []byte) error) error {
	if err := checkKey(key); err != nil {
		return err
	}
	r := evidenceReader{key: key, token: encodeKey(key), next: 1, from: 1}
	for {
		pieces, err := j.evidencePage(ctx, &r)
		if err != nil {
			return err
		}
		for _, p := range pieces {
			if err := fn(p.seq, p.data); err != nil {
				return err
			}
		}
		if r.done {
			break
		}
	}
	r.expect(r.end + 1)
	if r.gap != nil {
		return r.gap
	}
	return nil
}

type evidenceReader struct {
	key, token string
	next       uint64 // the number that should come now
	end        uint64 // the last number that was ever acknowledged
	from       uint64 // the engine's sequence to go on from
	done       bool
	gap        *GapError
}

type piece struct {
	seq  uint64
	data []byte
}

// expect notes a gap when seq is beyond the next number.
func (r *evidenceReader) expect(seq uint64) {
	if seq > r.next && r.gap == nil {
		r.gap = &GapError{Key: r.key, From: r.next, To: seq - 1}
	}
}

// evidencePage reads some pieces under the turn, so that fn runs without it.
func (j *Journal) evidencePage(ctx context.Context, r *evidenceReader) ([]piece, error) {
	give, err := j.take(ctx)
	if err != nil {
		return nil, err
	}
	defer give()
	if err := j.ready(); err != nil {
		return nil, err
	}
	r.end = j.head.Evidence[r.token].Seq
	if run := j.runs[r.token]; run != nil {
		r.end = max(r.end, run.last)
	}
	var pieces []piece
	size := 0
	err = j.engine.read(ctx, evidenceStream, evidenceSubject+r.token, r.from, func(m message) error {
		if size >= pageBytes || len(pieces) == pageMessages {
			return errStop
		}
		r.from = m.Seq + 1
		var meta sealedEvidence
		_, _, body, err := unseal(m.Data, &meta)
		if err != nil || meta.Key != r.token || meta.Seq < r.next {
			return nil // changed: its number will be missed
		}
		r.expect(meta.Seq)
		r.next = meta.Seq + 1
		pieces = append(pieces, piece{seq: meta.Seq, data: slices.Clone(body)})
		size += len(body)
		return nil
	})
	if errors.Is(err, errStop) {
		return pieces, nil
	}
	r.done = true
	return pieces, err
}
