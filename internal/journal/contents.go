package journal

import (
	"fmt"
	"strconv"
)

// contents is what the record stream holds, collected from its block files or
// from the engine, verified message by message but not yet as a chain.
type contents struct {
	records  map[uint64]recordAt
	states   map[string]stateMessage // by encoded key; the newest of each
	findings []Finding               // messages that are not sound in themselves
	last     uint64                  // the engine's last sequence
	highest  uint64                  // highest record number
}

type recordAt struct {
	at     uint64 // the engine's sequence
	hash   string
	file   string
	sealed sealedRecord
}

type stateMessage struct {
	at     uint64
	hash   string
	file   string
	sealed sealedState
	body   []byte
}

func newContents() *contents {
	return &contents{records: map[uint64]recordAt{}, states: map[string]stateMessage{}}
}

// add verifies one message. Messages come in the engine's order, so a later
// one replaces an earlier one of the same subject.
func (c *contents) add(m message) {
	c.last = m.Seq
	var problem string
	if tail, ok := subjectTail(m.Subject, recordSubject); ok {
		problem = c.addRecord(tail, m)
	} else if tail, ok := subjectTail(m.Subject, stateSubject); ok {
		problem = c.addState(tail, m)
	} else {
		problem = "subject " + strconv.Quote(m.Subject) + " is not one of ours"
	}
	if problem != "" {
		c.findings = append(c.findings, Finding{Kind: Changed, File: m.File, What: fmt.Sprintf("message %d of the stream: %s", m.Seq, problem)})
	}
}

func (c *contents) addRecord(tail string, m message) string {
	r := recordAt{at: m.Seq, file: m.File}
	var err error
	if r.hash, _, _, err = unseal(m.Data, &r.sealed); err != nil {
		return "record " + tail + ": " + err.Error()
	}
	if r.sealed.Kind != recordKind || recordSubjectOf(r.sealed.Seq) != m.Subject {
		return "record " + tail + ": its metadata names another one"
	}
	c.records[r.sealed.Seq] = r
	c.highest = max(c.highest, r.sealed.Seq)
	return ""
}

func (c *contents) addState(tail string, m message) string {
	s := stateMessage{at: m.Seq, file: m.File}
	hash, _, body, err := unseal(m.Data, &s.sealed)
	if err != nil {
		return "a state: " + err.Error()
	}
	if s.sealed.Kind != stateKind || s.sealed.Key != tail {
		return "a state: its metadata names another one"
	}
	if _, err := decodeKey(tail); err != nil {
		return "a state: " + err.Error()
	}
	s.hash, s.body = hash, append([]byte(nil), body...)
	c.states[tail] = s
	return ""
}
