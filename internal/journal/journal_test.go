package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

const quick = 200 * time.Millisecond

func open(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := Open(Config{Dir: dir, LockWait: quick}, hclog.NewNullLogger())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func closeJournal(t *testing.T, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func commit(t *testing.T, j *Journal, key string, rev uint64, state string, records ...string) uint64 {
	t.Helper()
	next, err := j.Commit(t.Context(), key, rev, []byte(state), raw(records...)...)
	if err != nil {
		t.Fatalf("commit %q: %v", key, err)
	}
	return next
}

func raw(bodies ...string) []json.RawMessage {
	var out []json.RawMessage
	for _, b := range bodies {
		out = append(out, json.RawMessage(b))
	}
	return out
}

func entries(t *testing.T, j *Journal, from uint64) []Entry {
	t.Helper()
	var all []Entry
	if err := j.Records(t.Context(), from, func(e Entry) error { all = append(all, e); return nil }); err != nil {
		t.Fatalf("records: %v", err)
	}
	return all
}

func wantState(t *testing.T, j *Journal, key, state string, rev uint64) {
	t.Helper()
	got, at, err := j.Load(t.Context(), key)
	if err != nil || string(got) != state || at != rev {
		t.Fatalf("load %q: got %q at %d, %v; want %q at %d", key, got, at, err, state, rev)
	}
}

func TestCommittedStateAndRecordsComeBackAfterReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	j := open(t, dir)
	wantState(t, j, "rollout/churn-model", "", 0)
	r1 := commit(t, j, "rollout/churn-model", 0, "one", `{"n":1}`, `{"n":2}`)
	r2 := commit(t, j, "rollout/churn-model", r1, "two")
	strange := "modèle .*> \x00\xff/ü"
	r3 := commit(t, j, strange, 0, "three", `{"n":3}`)
	count, hash := j.Head()
	closeJournal(t, j)

	j = open(t, dir)
	wantState(t, j, "rollout/churn-model", "two", r2)
	wantState(t, j, strange, "three", r3)
	if c, h := j.Head(); c != 3 || c != count || h != hash {
		t.Fatalf("head is %d %s, was %d %s", c, h, count, hash)
	}
	keys, err := j.Keys(t.Context())
	if err != nil || !slices.Equal(keys, []string{strange, "rollout/churn-model"}) {
		t.Fatalf("keys %q, %v", keys, err)
	}
	all := entries(t, j, 0)
	prev := genesis
	for i, e := range all {
		if e.Seq != uint64(i+1) || e.Prev != prev || string(e.Body) != fmt.Sprintf(`{"n":%d}`, i+1) || e.Time.IsZero() {
			t.Fatalf("entry %d is %+v", i, e)
		}
		if want := digest([]byte(string(e.Sealed) + "\n" + string(e.Body))); e.Hash != want {
			t.Fatalf("entry %d: hash %s cannot be recomputed (%s)", i, e.Hash, want)
		}
		prev = e.Hash
	}
	if len(all) != 3 || prev != hash {
		t.Fatalf("%d entries, last %s, head %s", len(all), prev, hash)
	}
	if tail := entries(t, j, 3); len(tail) != 1 || tail[0].Hash != hash {
		t.Fatalf("from 3: %+v", tail)
	}
	if beyond := entries(t, j, 4); len(beyond) != 0 {
		t.Fatalf("from 4: %+v", beyond)
	}
	wantWhole(t, j, 3)
}

func wantWhole(t *testing.T, j *Journal, count uint64) {
	t.Helper()
	r, err := j.Verify(t.Context())
	if err != nil || !r.Intact() || len(r.Findings) != 0 || r.Count != count {
		t.Fatalf("verify: %+v, %v", r, err)
	}
}

func TestCommitRefuses(t *testing.T) {
	j := open(t, t.TempDir())
	rev := commit(t, j, "k", 0, "one", `{}`)
	cases := map[string]struct {
		key     string
		rev     uint64
		state   []byte
		records []json.RawMessage
		want    string
	}{
		"an older revision":          {"k", 0, nil, nil, "state has changed"},
		"a revision never given":     {"k", rev + 1, nil, nil, "state has changed"},
		"a revision of an empty key": {"other", 1, nil, nil, "state has changed"},
		"an empty key":               {"", 0, nil, nil, "key is empty"},
		"a key too long":             {strings.Repeat("x", maxKey+1), 0, nil, nil, "at most 1024"},
		"a record that is not JSON":  {"k", rev, nil, raw(`{"a":`), "not JSON"},
		"a state too large":          {"k", rev, make([]byte, maxMessage), nil, "larger than"},
		"too many records":           {"k", rev, nil, make([]json.RawMessage, mostRecords+1), "at most 500"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := j.Commit(t.Context(), c.key, c.rev, c.state, c.records...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(c.want, "changed") != errors.Is(err, ErrConflict) {
				t.Fatalf("is ErrConflict: %v", err)
			}
		})
	}
	wantState(t, j, "k", "one", rev)
	wantWhole(t, j, 1)
}

func TestCommitsOfManyGoroutinesFormOneChain(t *testing.T) {
	j := open(t, t.TempDir())
	const workers, each = 8, 5
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			key, rev := fmt.Sprintf("rollout/%d", w%4), uint64(0)
			for done := 0; done < each; {
				next, err := j.Commit(t.Context(), key, rev, []byte("s"), json.RawMessage(`1`))
				if errors.Is(err, ErrConflict) {
					_, rev, err = j.Load(t.Context(), key)
				} else if err == nil {
					rev, done = next, done+1
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	wantWhole(t, j, workers*each)
}

func TestCommitHonoursItsContextWhileWaiting(t *testing.T) {
	j := open(t, t.TempDir())
	give, err := j.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := j.Commit(ctx, "k", 0, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	give()
	commit(t, j, "k", 0, "s")
}

func TestClosedJournalSaysSo(t *testing.T) {
	j := open(t, t.TempDir())
	closeJournal(t, j)
	closeJournal(t, j)
	if _, err := j.Commit(t.Context(), "k", 0, nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("got %v", err)
	}
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	j := open(t, dir)
	commit(t, j, "k", 0, "s", `1`, `2`)
	evidence(t, j, "k", 1, "e")
	closeJournal(t, j)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFormatNumber(t *testing.T) {
	dir := t.TempDir()
	closeJournal(t, open(t, dir))
	if err := os.WriteFile(filepath.Join(dir, formatFile), []byte("2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var newer *FormatError
	if _, err := Open(Config{Dir: dir}, hclog.NewNullLogger()); !errors.As(err, &newer) || newer.Format != 2 {
		t.Fatalf("open: %v", err)
	}
	if _, err := VerifyDir(dir); !errors.As(err, &newer) {
		t.Fatalf("verify: %v", err)
	}
}

func TestConfigValidate(t *testing.T) {
	var c Config
	c.SetDefaults()
	c.Validate(func(path string, value any, wanted string) { t.Errorf("defaults: %s %v: %s", path, value, wanted) })
	var got []string
	Config{EvidenceBytes: 5, KeepEvidence: 5, LockWait: -1}.Validate(func(path string, _ any, _ string) { got = append(got, path) })
	if !slices.Equal(got, []string{"dir", "evidence_bytes", "keep_evidence", "lock_wait"}) {
		t.Fatalf("got %v", got)
	}
}
