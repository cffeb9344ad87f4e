package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keep writes the ticket for people first: whoever sees ID.json sees both.
func keep(c Config, m Message) error {
	err := os.MkdirAll(c.File, 0o750)
	if err == nil && len(m.Markdown) > 0 {
		err = replaceFile(c.File, m.ID+".md", m.Markdown)
	}
	if err == nil {
		err = replaceFile(c.File, m.ID+".json", m.JSON)
	}
	if err != nil {
		// A full disk or a missing mount is put right without a restart.
		return &Error{Place: c.String(), Err: err}
	}
	return nil
}

// replaceFile puts data under name, whole or not at all, also when the machine
// stops. The temporary name is the same each time, so that an interrupted write
// leaves no litter after the next one.
func replaceFile(dir, name string, data []byte) error {
	temp := filepath.Join(dir, "."+name+".tmp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Read returns the incidents kept in the directories among places, newest
// first, at most limit of them. A directory named twice is read once; one that
// does not exist yet holds none. A file that is not JSON is an error beside
// the others.
func Read(places []Config, limit int) ([]json.RawMessage, error) {
	type found struct {
		path string
		at   time.Time
	}
	var all []found
	var failed []error
	seen := map[string]bool{}
	for _, c := range places {
		if c.File == "" || seen[filepath.Clean(c.File)] {
			continue
		}
		seen[filepath.Clean(c.File)] = true
		entries, err := os.ReadDir(c.File)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, fmt.Errorf("read incidents: %w", err))
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") || filepath.Ext(e.Name()) != ".json" || !e.Type().IsRegular() {
				continue
			}
			if info, err := e.Info(); err == nil {
				all = append(all, found{filepath.Join(c.File, e.Name()), info.ModTime()})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		if order := b.at.Compare(a.at); order != 0 {
			return order
		}
		return strings.Compare(b.path, a.path)
	})
	out := []json.RawMessage{}
	for _, f := range all {
		if len(out) == limit {
			break
		}
		data, err := os.ReadFile(f.path)
		if err == nil && !json.Valid(data) {
			err = fmt.Errorf("%s is not JSON", f.path)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("read incidents: %w", err))
			continue
		}
		out = append(out, json.RawMessage(data))
	}
	return out, errors.Join(failed...)
}
