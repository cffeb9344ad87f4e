package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func evidence(t *testing.T, j *Journal, key string, seq uint64, data string) {
	t.Helper()
	if err := j.AppendEvidence(t.Context(), key, seq, []byte(data)); err != nil {
		t.Fatalf("append evidence: %v", err)
	}
}

func readEvidence(t *testing.T, j *Journal, key string) (got []string, err error) {
	t.Helper()
	err = j.Evidence(t.Context(), key, func(seq uint64, data []byte) error {
		got = append(got, fmt.Sprintf("%d:%s", seq, data))
		return nil
	})
	return got, err
}

func TestEvidenceComesBackInOrder(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	for i := range uint64(600) { // more than a page
		evidence(t, j, "a/1", i+1, "x")
		if i < 3 {
			evidence(t, j, "b/2", i+1, "y")
		}
	}
	closeJournal(t, j)
	j = open(t, dir)
	if got, err := readEvidence(t, j, "a/1"); err != nil || len(got) != 600 || got[599] != "600:x" {
		t.Fatalf("%d pieces, %v", len(got), err)
	}
	if got, err := readEvidence(t, j, "b/2"); err != nil || strings.Join(got, " ") != "1:y 2:y 3:y" {
		t.Fatalf("%v, %v", got, err)
	}
	if got, err := readEvidence(t, j, "none"); err != nil || len(got) != 0 {
		t.Fatalf("%v, %v", got, err)
	}
	evidence(t, j, "b/2", 4, "z")
	wantWhole(t, j, 0)
}

func TestEvidenceNumbersMustFollow(t *testing.T) {
	j := open(t, t.TempDir())
	evidence(t, j, "k", 1, "x")
	for _, seq := range []uint64{0, 1, 3} {
		if err := j.AppendEvidence(t.Context(), "k", seq, nil); err == nil || !strings.Contains(err.Error(), "does not follow 1") {
			t.Fatalf("%d: %v", seq, err)
		}
	}
}

func TestEvidenceAppendCanBeRepeatedAfterNoAnswer(t *testing.T) {
	j := open(t, t.TempDir())
	evidence(t, j, "k", 1, "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// The write reaches the engine, the answer is not waited for.
	if err := j.appendEvidence(ctx, encodeKey("k"), j.runs[encodeKey("k")], 2, []byte("y")); err == nil {
		t.Fatal("no error")
	}
	evidence(t, j, "k", 2, "y")
	evidence(t, j, "k", 3, "z")
	if got, err := readEvidence(t, j, "k"); err != nil || strings.Join(got, " ") != "1:x 2:y 3:z" {
		t.Fatalf("%v, %v", got, err)
	}
}

func TestEvidenceBoundDiscardsTheOldestAndSaysSo(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(Config{Dir: dir, EvidenceBytes: minEvidenceBytes, LockWait: quick}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	piece := strings.Repeat("x", 64<<10)
	evidence(t, j, "old", 1, "o")
	for i := range uint64(40) {
		evidence(t, j, "k", i+1, piece)
	}
	commit(t, j, "k", 0, "s") // writes the marks
	got, err := readEvidence(t, j, "k")
	var gap *GapError
	if !errors.As(err, &gap) || gap.From != 1 || gap.To != 40-uint64(len(got)) || len(got) < 10 {
		t.Fatalf("%d pieces, %v", len(got), err)
	}
	if _, err := readEvidence(t, j, "old"); !errors.As(err, &gap) || gap.To != 1 {
		t.Fatalf("%v", err)
	}
	evidence(t, j, "old", 2, "o")
	r, err := j.Verify(t.Context())
	if err != nil || !r.Intact() {
		t.Fatalf("%+v %v", r, err)
	}
	for _, f := range r.Findings {
		if f.Kind != Discarded {
			t.Errorf("unexpected %v", f)
		}
	}
}
