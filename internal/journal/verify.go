package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Verify reads the whole store again, from its files and from the engine, and
// says what is changed, missing or cut off. Nothing is written meanwhile. It
// also repeats what earlier starts found and survived.
func (j *Journal) Verify(ctx context.Context) (Report, error) {
	give, err := j.take(ctx)
	if err != nil {
		return Report{}, err
	}
	defer give()
	if err := j.ready(); err != nil {
		return Report{}, err
	}
	s, err := scanStore(j.config.Dir, j.head)
	if err != nil {
		return Report{}, err
	}
	h, err := readHead(j.config.Dir)
	switch {
	case err != nil:
		s.findings = append(s.findings, headFinding(err))
	case h.Commit != j.head.Commit || h.Link != j.head.Link || h.Hash != j.head.Hash:
		s.findings = append(s.findings, Finding{Kind: Changed, File: headFile, What: "is not what this process wrote"})
	}
	c, err := j.engine.contents(ctx)
	if err != nil {
		return Report{}, err
	}
	for _, f := range follow(c, j.head).findings {
		f.What = "as the engine serves it: " + f.What
		s.findings = append(s.findings, f)
	}
	return s.report(j.head), nil
}

// VerifyDir does the same for a store that no process has open, without the
// engine and without changing a byte. A *LockedError says that a process has
// it open: ask that one. A *FormatError says that the store is newer.
func VerifyDir(dir string) (Report, error) {
	if _, err := os.Stat(dir); err != nil {
		return Report{}, fmt.Errorf("verify the journal: %w", err)
	}
	lock, err := lockDirShared(dir)
	if err != nil {
		return Report{}, err
	}
	r, err := verifyFiles(dir)
	return r, errors.Join(err, lock.release())
}

func verifyFiles(dir string) (Report, error) {
	var before []Finding
	n, err := readFormat(dir)
	var broken *DamagedError
	switch {
	case errors.As(err, &broken):
		before = append(before, broken.Findings...)
	case err != nil:
		return Report{}, err
	case n == 0 && isEmpty(dir):
		return Report{}, fmt.Errorf("verify the journal: there is none in %s", dir)
	case n == 0:
		before = append(before, Finding{Kind: Missing, File: formatFile, What: "not there"})
	}
	h, err := readHead(dir)
	if err != nil {
		// Without the side file there is nothing to hold the store against.
		return Report{Head: genesis, Findings: append(before, headFinding(err))}, nil
	}
	s, err := scanStore(dir, h)
	if err != nil {
		return Report{}, err
	}
	s.findings = append(before, s.findings...)
	return s.report(h), nil
}

func isEmpty(dir string) bool {
	for _, name := range []string{headFile, "jetstream"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

func (s scan) report(h head) Report {
	r := Report{Count: s.chain.count, Head: s.chain.hash, States: len(s.chain.head.States), Evidence: s.evidence.total, Findings: s.findings}
	for _, note := range h.Notes {
		same := func(f Finding) bool { f.At = note.At; return f == note }
		if !slices.ContainsFunc(r.Findings, same) {
			r.Findings = append(r.Findings, note)
		}
	}
	return r
}
