package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func put(t *testing.T, a *Archives, group, name string, data []byte) (Archive, []Archive) {
	t.Helper()
	one, dropped, err := a.Put(group, name, func(w io.Writer) error { _, err := w.Write(data); return err })
	if err != nil {
		t.Fatal(err)
	}
	return one, dropped
}

func readArchive(path string) ([]byte, error) {
	r, err := OpenArchive(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

func TestArchiveComesBackUnderAnyName(t *testing.T) {
	a := OpenArchives(t.TempDir(), GB)
	groups := []string{"churn-model", "a/b", "..", ".", "mödel 50%+", "x\x00y", strings.Repeat("lang/", 200)}
	for i, g := range groups {
		want := fmt.Appendf(nil, "%d of %q", i, g)
		one, _ := put(t, a, g, "20260101T000000-00", want)
		if got, err := readArchive(one.Path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %q, %v", g, got, err)
		}
		if list, err := a.List(g); err != nil || len(list) != 1 || list[0].Path != one.Path {
			t.Errorf("list of %q: %v, %v", g, list, err)
		}
		if !a.Has(g, "20260101T000000-00") || a.Has(g, "other") {
			t.Errorf("%q is not where it was put", g)
		}
	}
	if all, err := a.List(""); err != nil || len(all) != len(groups) {
		t.Errorf("%d archives of %d, %v", len(all), len(groups), err)
	}
}

func TestOldestArchivesMakeRoom(t *testing.T) {
	const keep, size = 100 * KB, 12_000
	dir := t.TempDir()
	a := OpenArchives(dir, keep)
	var gone []string
	for i := range 40 {
		_, dropped := put(t, a, fmt.Sprintf("m%d", i%3), fmt.Sprintf("20260101T%06d", i), noise(size+i))
		for _, d := range dropped {
			gone = append(gone, d.Name)
		}
		list, err := a.List("")
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, one := range list {
			sum += one.Bytes
		}
		if sum > int64(keep) {
			t.Fatalf("%d bytes after %d archives, at most %d are to be kept", sum, i+1, keep)
		}
	}
	if len(gone) != 32 || !slices.IsSorted(gone) || gone[0] != "20260101T000000" {
		t.Errorf("made room: %v", gone)
	}
	if _, dropped := put(t, a, "m0", "20270101T000000", noise(200_000)); len(dropped) != 9 {
		t.Errorf("an archive beyond the bound left %d others gone, want all and itself", len(dropped))
	}
}

func TestArchiveThatFailsLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	a := OpenArchives(dir, GB)
	one, _ := put(t, a, "m", "r", []byte("first"))
	boom := errors.New("boom")
	if _, _, err := a.Put("m", "r", func(w io.Writer) error { _, _ = w.Write(noise(1 << 20)); return boom }); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
	if got, err := readArchive(one.Path); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
	left := filepath.Join(dir, archiveDir, "m", "x"+archiveSuffix+".tmp") // as a crash leaves it
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, a, "m", "r", []byte("second"))
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a crash left is still there: %v", err)
	}
	if got, err := readArchive(one.Path); err != nil || string(got) != "second" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDamagedArchiveEndsWithAnError(t *testing.T) {
	a := OpenArchives(t.TempDir(), GB)
	one, _ := put(t, a, "m", "r", bytes.Repeat([]byte(`{"stratum":17}`+"\n"), 3000))
	whole, err := os.ReadFile(one.Path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := readArchive(one.Path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		bent := slices.Clone(whole)
		bent[i] ^= 1 << (i % 8)
		if err := os.WriteFile(one.Path, bent, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readArchive(one.Path); err == nil && !bytes.Equal(got, want) {
			t.Errorf("byte %d changed: other content and no error", i)
		}
		if err := os.WriteFile(one.Path, whole[:i], 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readArchive(one.Path); err == nil && bytes.Equal(got, want) {
			t.Errorf("cut at %d: unnoticed", i)
		}
	}
	// A cut between two frames is the reader's business above: the recording has
	// its own end.
}
