package journal

import (
	"fmt"
	"maps"
	"slices"
)

// chain is the verdict on contents held against the side file.
type chain struct {
	findings []Finding
	count    uint64 // records in an unbroken chain from the first on
	hash     string // hash of the last of them
	// head is the side file as it should be now: one commit further when the
	// stream holds a whole commit that a crash kept out of the side file.
	head head
	// void are the engine's sequences of records of commits that were never
	// finished, by record number; later commits write over them.
	void map[uint64]uint64
}

// follow walks the chain. What the side file names must be there; beyond it
// there may be at most the one commit that was being written.
func follow(c *contents, h head) chain {
	v := chain{head: h, hash: genesis, void: map[uint64]uint64{}}
	v.findings = append(v.findings, c.findings...)
	v.acknowledged(c, h)
	next := v.states(c, h)
	v.beyond(c, h, next)
	return v
}

// acknowledged checks the records up to the side file's count.
func (v *chain) acknowledged(c *contents, h head) {
	prev, unbroken := genesis, true
	for n := uint64(1); n <= h.Count; n++ {
		r, ok := c.records[n]
		if !ok {
			n = v.missing(c, n, h.Count)
			unbroken, prev = false, ""
			continue
		}
		if prev != "" && r.sealed.Prev != prev {
			v.add(Changed, r.file, n, n, "does not follow the record before it")
			unbroken = false
		}
		prev = r.hash
		if unbroken {
			v.count, v.hash = n, r.hash
		}
	}
	if r, ok := c.records[h.Count]; ok && r.hash != h.Hash {
		v.add(Changed, r.file, h.Count, h.Count, "hash "+short(r.hash)+" is not the head "+short(h.Hash)+" that "+headFile+" names")
	} else if h.Count == 0 && h.Hash != genesis {
		v.add(Changed, headFile, 0, 0, "names a head without a record")
	}
}

// missing reports the run of absent records that starts at n and returns its
// end.
func (v *chain) missing(c *contents, n, count uint64) uint64 {
	last := n
	for last < count {
		if _, ok := c.records[last+1]; ok {
			break
		}
		last++
	}
	file := c.records[n-1].file
	if last == count {
		v.add(CutOff, file, n, last, "the end of the record is not there")
	} else {
		v.add(Missing, file, n, last, "not there, later ones are")
	}
	return last
}

// states checks every key's state and returns the one of the commit after the
// side file's, if there is one.
func (v *chain) states(c *contents, h head) *stateMessage {
	var next *stateMessage
	for _, token := range slices.Sorted(maps.Keys(c.states)) {
		s, at := c.states[token], h.States[token]
		switch {
		case s.sealed.Commit == at.Rev && s.hash == at.Hash:
			if at.Rev == h.Commit && (s.hash != h.Link || s.sealed.Count != h.Count || s.sealed.Head != h.Hash) {
				v.add(Changed, headFile, 0, 0, fmt.Sprintf("does not fit the state of its last commit, %d", h.Commit))
			}
		case s.sealed.Commit == h.Commit+1 && s.sealed.After == h.Link && next == nil:
			next = &s
		default:
			v.add(Changed, s.file, 0, 0, fmt.Sprintf("state of %q is of commit %d with hash %s, %s says commit %d with %s",
				keyOf(token), s.sealed.Commit, short(s.hash), headFile, at.Rev, short(at.Hash)))
		}
	}
	for _, token := range slices.Sorted(maps.Keys(h.States)) {
		if _, ok := c.states[token]; !ok {
			v.add(Missing, "", 0, 0, fmt.Sprintf("state of %q of commit %d is not there", keyOf(token), h.States[token].Rev))
		}
	}
	return next
}

// beyond checks what is newer than the side file: nothing, the whole of one
// commit, or records of commits that were never finished.
func (v *chain) beyond(c *contents, h head, next *stateMessage) {
	for n := range c.records {
		if n > h.Count {
			v.void[n] = c.records[n].at
		}
	}
	if next != nil && !v.advance(c, h, next) {
		return
	}
	for _, n := range slices.Sorted(maps.Keys(v.void)) {
		r := c.records[n]
		tried := r.sealed.Commit == h.Commit+1 && r.sealed.After == h.Link
		if !tried && r.sealed.Commit > h.Commit {
			v.add(Changed, headFile, n, c.highest, fmt.Sprintf("is older than the record: it names %d records, the stream holds %d", h.Count, c.highest))
			return
		}
		v.add(Unfinished, r.file, n, n, "record of a commit that was never acknowledged")
	}
}

// advance takes the next commit in, if it is whole.
func (v *chain) advance(c *contents, h head, next *stateMessage) bool {
	s, prev := next.sealed, h.Hash
	for n := h.Count + 1; n <= h.Count+s.Records; n++ {
		r, ok := c.records[n]
		if !ok || r.sealed.Commit != s.Commit || r.sealed.After != h.Link || r.sealed.Prev != prev {
			v.add(Missing, next.file, n, h.Count+s.Records, fmt.Sprintf("state of %q is there without the records of its commit", keyOf(s.Key)))
			return false
		}
		prev = r.hash
		delete(v.void, n)
	}
	if s.Count != h.Count+s.Records || s.Head != prev {
		v.add(Changed, next.file, 0, 0, fmt.Sprintf("state of %q does not fit the records of its commit", keyOf(s.Key)))
		return false
	}
	v.head = h.advanced(s.Key, s.Commit, next.hash, s.Count, s.Head)
	if v.count == h.Count {
		v.count, v.hash = s.Count, s.Head
	}
	return true
}

// advanced is the side file after one more commit.
func (h head) advanced(token string, commit uint64, link string, count uint64, hash string) head {
	h = h.clone()
	h.Commit, h.Link, h.Count, h.Hash = commit, link, count, hash
	h.States[token] = stateAt{Rev: commit, Hash: link}
	return h
}

// add notes a finding; without a neighbour to name it is the whole stream's.
func (v *chain) add(k Kind, file string, from, to uint64, what string) {
	if file == "" {
		file = streamDir(recordStream)
	}
	v.findings = append(v.findings, Finding{Kind: k, File: file, From: from, To: to, What: what})
}

func keyOf(token string) string {
	key, err := decodeKey(token)
	if err != nil {
		return token
	}
	return key
}

// short is enough of a hash for a person to compare.
func short(hash string) string { return hash[:min(12, len(hash))] }
