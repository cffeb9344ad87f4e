package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	archiveDir    = "evidence"
	archiveSuffix = ".jsonl.zst"
	// longestName keeps a name with its suffixes below what file systems take.
	longestName = 200
)

// Archives are whole recordings of what has ended, each one compressed file
// below the journal's directory: evidence/<group>/<name>.jsonl.zst. They are
// plain files beside the engine, so that reading them needs no lock, and losing
// them harms nothing but the look back.
type Archives struct {
	dir  string
	keep Size
	turn sync.Mutex // one writer at a time
}

// Archive is one recording. Group and Name are shortened where they are too
// long for a file's name.
type Archive struct {
	Group, Name string
	Bytes       int64  // on disk
	Path        string // the file
}

// OpenArchives is the archives of the journal in dir, of which at most keep
// bytes are kept. Nothing is made before the first Put.
func OpenArchives(dir string, keep Size) *Archives {
	return &Archives{dir: filepath.Join(dir, archiveDir), keep: keep}
}

// Put writes a recording in the place of one of the same name, or leaves what
// there was: temporary file, sync, rename, sync the directory. Then the oldest
// make room, the first by name; they are returned. A recording that is larger
// than the bound by itself is among them.
func (a *Archives) Put(group, name string, write func(io.Writer) error) (Archive, []Archive, error) {
	a.turn.Lock()
	defer a.turn.Unlock()
	one := a.At(group, name)
	path := one.Path
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Archive{}, nil, fmt.Errorf("make the archive's directory: %w", err)
	}
	if err := writeArchive(path, write); err != nil {
		return Archive{}, nil, fmt.Errorf("archive %s of %s: %w", name, group, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Archive{}, nil, fmt.Errorf("archive %s of %s: %w", name, group, err)
	}
	one.Bytes = info.Size()
	dropped, err := a.rotate()
	return one, dropped, err
}

func writeArchive(path string, write func(io.Writer) error) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = compress(f, write)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp) // best effort: the error that counts is the write's
		return err
	}
	return errors.Join(syncDir(filepath.Dir(path)), syncDir(filepath.Dir(filepath.Dir(path))))
}

func compress(w io.Writer, write func(io.Writer) error) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	return errors.Join(write(z), z.Close())
}

// rotate drops the oldest until the bound is kept, and what a crash left of a
// write.
func (a *Archives) rotate() ([]Archive, error) {
	if cut, err := filepath.Glob(filepath.Join(a.dir, "*", "*.tmp")); err == nil {
		for _, file := range cut {
			_ = os.Remove(file) // it will be tried again at the next
		}
	}
	list, err := a.List("")
	if err != nil {
		return nil, err
	}
	var sum int64
	for _, one := range list {
		sum += one.Bytes
	}
	var dropped []Archive
	for _, one := range list {
		if sum <= int64(a.keep) {
			break
		}
		if err := os.Remove(one.Path); err != nil {
			return dropped, fmt.Errorf("make room among the archives: %w", err)
		}
		sum -= one.Bytes
		dropped = append(dropped, one)
	}
	return dropped, nil
}

// List returns the archives of a group, of all for "", the oldest first: names
// begin with the time.
func (a *Archives) List(group string) ([]Archive, error) {
	groups, err := os.ReadDir(a.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the archives: %w", err)
	}
	var out []Archive
	for _, g := range groups {
		if !g.IsDir() || group != "" && escapeName(group) != g.Name() {
			continue
		}
		some, err := a.listGroup(g.Name())
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	slices.SortFunc(out, func(x, y Archive) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Group, y.Group))
	})
	return out, nil
}

func (a *Archives) listGroup(folder string) ([]Archive, error) {
	dir := filepath.Join(a.dir, folder)
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the archives: %w", err)
	}
	var out []Archive
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), archiveSuffix)
		if !ok || f.IsDir() {
			continue // a write that was cut off, or not ours
		}
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // has just made room
		}
		if err != nil {
			return nil, fmt.Errorf("list the archives: %w", err)
		}
		out = append(out, Archive{Group: readable(folder), Name: readable(name), Bytes: info.Size(), Path: filepath.Join(dir, f.Name())})
	}
	return out, nil
}

// At is where a recording is or would be.
func (a *Archives) At(group, name string) Archive {
	return Archive{Group: group, Name: name, Path: filepath.Join(a.dir, escapeName(group), escapeName(name)+archiveSuffix)}
}

// Has reports whether a recording is there.
func (a *Archives) Has(group, name string) bool {
	_, err := os.Stat(a.At(group, name).Path)
	return err == nil
}

// OpenArchive reads one recording; fs.ErrNotExist when there is none. What is
// damaged in the compressed form ends the reading with an error.
func OpenArchive(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the archive %s: %w", path, err), f.Close())
	}
	return archiveReader{z, f}, nil
}

type archiveReader struct {
	*zstd.Decoder
	f *os.File
}

func (r archiveReader) Close() error {
	r.Decoder.Close()
	return r.f.Close()
}

// escapeName makes any text one name of a file system: no separator, no dot at
// the beginning, not too long. What is too long keeps its beginning and gets the
// hash of the whole.
func escapeName(text string) string {
	name := strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
	if strings.HasPrefix(name, ".") {
		name = "%2E" + name[1:]
	}
	if len(name) > longestName {
		name = name[:longestName-64-1] + "~" + digest([]byte(text))
	}
	return name
}

// readable is the text behind a name that escapeName made, as far as it goes.
func readable(name string) string {
	if text, err := url.PathUnescape(name); err == nil {
		return text
	}
	return name
}
