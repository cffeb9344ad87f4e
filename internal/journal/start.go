package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// start verifies the store, starts the engine, and verifies again what the
// engine serves. It is used by Open and, after a failed write, by the next one.
func (j *Journal) start() error {
	n, err := readFormat(j.config.Dir)
	if err != nil {
		return err
	}
	if n == 0 {
		if err := j.initialise(); err != nil {
			return err
		}
	}
	h, err := readHead(j.config.Dir)
	if err != nil {
		return headError(err)
	}
	s, err := scanStore(j.config.Dir, h)
	if err != nil {
		return err
	}
	if !s.intact() {
		return damaged(h, s.chain, s.findings)
	}
	// What was found is written down before the engine tidies it away.
	if h, err = j.remember(h, s.findings); err != nil {
		return err
	}
	s.chain.head.Notes = h.Notes
	e, err := startEngine(j.config.Dir, j.log)
	if err != nil {
		return err
	}
	if err := j.adopt(e, h, s); err != nil {
		e.stop()
		return err
	}
	return nil
}

// initialise makes an empty store. The format file comes last: a store without
// it has never been acknowledged to anyone, unless something is in it.
func (j *Journal) initialise() error {
	dir := j.config.Dir
	if h, err := readHead(dir); err == nil && h.Commit > 0 {
		return damaged(h, chain{}, []Finding{{Kind: Missing, File: formatFile, What: "not there, but " + headFile + " names commits"}})
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return headError(err)
	}
	c := newContents()
	bad, err := scanBlocks(dir, recordStream, func() func(message) { return c.add })
	if err != nil {
		return err
	}
	if c.last > 0 || len(bad) > 0 {
		return damaged(newHead(), chain{}, []Finding{{Kind: Missing, File: formatFile, What: "not there, but the record stream holds messages"}})
	}
	e, err := startEngine(dir, j.log)
	if err != nil {
		return err
	}
	err = e.makeStreams(context.Background(), j.config.EvidenceBytes)
	e.stop()
	if err != nil {
		return err
	}
	if err := syncDir(filepath.Join(dir, streamDir(recordStream))); err != nil {
		return fmt.Errorf("sync the record stream: %w", err)
	}
	if err := writeHead(dir, newHead().withIndexes(dir)); err != nil {
		return err
	}
	return writeFormat(dir)
}

// remember logs what was found and keeps it in the side file.
func (j *Journal) remember(h head, found []Finding) (head, error) {
	if len(found) == 0 {
		return h, nil
	}
	kept := found[:0:0]
	for _, f := range found {
		if f.Kind == Discarded { // normal, and still to be seen next time
			continue
		}
		j.log.Warn("journal finding", "kind", string(f.Kind), "file", f.File, "from", f.From, "to", f.To, "what", f.What)
		kept = append(kept, f)
	}
	if len(kept) == 0 {
		return h, nil
	}
	noted := h.withNotes(kept, time.Now().UTC())
	if len(noted.Notes) == len(h.Notes) && len(h.Notes) < mostNotes { // said before, word for word
		return h, nil
	}
	return noted, writeHead(j.config.Dir, noted)
}

// adopt takes the engine's contents as the journal's, if they are what the
// side file names.
func (j *Journal) adopt(e *engine, h head, s scan) error {
	ctx := context.Background()
	if err := e.checkStreams(ctx); err != nil {
		return damaged(h, chain{}, []Finding{{Kind: Missing, File: streamDir(recordStream), What: err.Error()}})
	}
	if err := e.makeEvidence(ctx, j.config.EvidenceBytes); err != nil {
		return err
	}
	c, v := s.contents, s.chain
	same, err := e.serves(ctx, c)
	if err != nil {
		return err
	}
	if !same { // the engine has finished a batch or dropped the rest of one
		if c, err = e.contents(ctx); err != nil {
			return err
		}
		v = follow(c, h)
	}
	if !(Report{Findings: v.findings}).Intact() {
		return damaged(h, v, v.findings)
	}
	if v.head.Commit != h.Commit {
		if err := writeHead(j.config.Dir, v.head.withIndexes(j.config.Dir)); err != nil {
			return err
		}
	}
	j.engine, j.head, j.void = e, v.head, v.void
	j.ats, j.bodies = map[string]uint64{}, map[string][]byte{}
	for token, s := range c.states {
		j.ats[token], j.bodies[token] = s.at, s.body
	}
	j.runs = s.evidence.keys
	j.settle()
	j.publishView()
	return nil
}

func headError(err error) error {
	return &DamagedError{File: headFile, ExpectedHead: "unknown", FoundHead: "unknown", Findings: []Finding{headFinding(err)}}
}

func headFinding(err error) Finding {
	if errors.Is(err, fs.ErrNotExist) {
		return Finding{Kind: Missing, File: headFile, What: "not there"}
	}
	return Finding{Kind: Changed, File: headFile, What: "cannot be read: " + err.Error()}
}

func damaged(h head, v chain, found []Finding) error {
	e := &DamagedError{File: streamDir(recordStream), ExpectedCount: h.Count, ExpectedHead: h.Hash, FoundCount: v.count, FoundHead: v.hash}
	if v.hash == "" {
		e.FoundHead = genesis
	}
	for _, f := range found {
		if f.Kind.harmsRecord() {
			e.Findings = append(e.Findings, f)
		}
	}
	for _, f := range e.Findings {
		if f.File != "" {
			e.File = f.File
			break
		}
	}
	return e
}
