package configs

import (
	"crypto/sha256"
	"fmt"
	"os"
	"reflect"
	"slices"
)

// Watch tells when the content of a policy's files changes: its own, and the
// data contracts that it names. It belongs to one goroutine.
type Watch struct {
	path   string
	policy [sha256.Size]byte // the content that files are those of
	files  []string
	seen   [sha256.Size]byte
}

// NewWatch starts with the content as it is now.
func NewWatch(path string) *Watch {
	w := &Watch{path: path}
	w.Changed()
	return w
}

// Changed says whether something is different since the last call. A policy that
// cannot be read, as in the middle of a swap, is not yet: the next call sees what
// became of it. A contract that is gone is a change: a reload says so.
func (w *Watch) Changed() bool {
	data, err := os.ReadFile(w.path)
	if err != nil {
		return false
	}
	if now := sha256.Sum256(data); now != w.policy {
		w.policy, w.files = now, contractFiles(w.path, data)
	}
	all := slices.Clone(w.policy[:])
	for _, file := range w.files {
		data, err := readSmall(file)
		one := sha256.Sum256(fmt.Appendf(data, "%v", err))
		all = append(all, one[:]...)
	}
	now := sha256.Sum256(all)
	changed := now != w.seen
	w.seen = now
	return changed
}

// contractFiles are those that a policy names. What is wrong with it is for Load
// to say: a contract is watched even when the rest cannot be taken.
func contractFiles(path string, data []byte) (out []string) {
	s, problem := readSource(path, data)
	if problem != nil {
		return nil
	}
	p := &Policy{}
	newDecoder(s, os.LookupEnv).decode("", nil, s.root, reflect.ValueOf(p).Elem())
	for _, r := range p.Routes {
		if r.Payload != nil && r.Payload.Contract != nil && r.Payload.Contract.File != "" {
			out = append(out, beside(path, r.Payload.Contract.File))
		}
	}
	return out
}
