package journal

import (
	"fmt"
	"maps"
	"slices"
)

// evidenceLog is what the evidence stream holds per key: numbers only.
type evidenceLog struct {
	keys     map[string]*evidenceRun // by encoded key
	total    uint64
	oldest   uint64 // the engine's sequence of the first message, 0 when none
	findings []Finding
}

// evidenceRun is a key's evidence from first to last.
type evidenceRun struct {
	first, last uint64
	at          uint64 // the engine's sequence of the last
	unsure      bool   // the last append ended without an answer
}

func newEvidenceLog() *evidenceLog { return &evidenceLog{keys: map[string]*evidenceRun{}} }

func (l *evidenceLog) add(m message) {
	var meta sealedEvidence
	if _, _, _, err := unseal(m.Data, &meta); err != nil || meta.Kind != evidenceKind || evidenceSubject+meta.Key != m.Subject {
		l.findings = append(l.findings, Finding{Kind: EvidenceDamaged, File: m.File, What: fmt.Sprintf("message %d of the stream was changed", m.Seq)})
		return
	}
	if l.oldest == 0 {
		l.oldest = m.Seq
	}
	l.total++
	run := l.keys[meta.Key]
	if run == nil {
		l.keys[meta.Key] = &evidenceRun{first: meta.Seq, last: meta.Seq, at: m.Seq}
		return
	}
	if meta.Seq != run.last+1 {
		l.findings = append(l.findings, Finding{Kind: EvidenceDamaged, File: m.File, From: run.last + 1, To: meta.Seq - 1,
			What: fmt.Sprintf("evidence of %q is not there", keyOf(meta.Key))})
	}
	run.last, run.at = meta.Seq, m.Seq
}

// check holds the log against the marks of the side file.
func (l *evidenceLog) check(marks map[string]mark) []Finding {
	found := slices.Clone(l.findings)
	for _, token := range slices.Sorted(maps.Keys(marks)) {
		m := marks[token]
		run := l.keys[token]
		switch {
		case run == nil && l.oldest > m.At:
			found = append(found, Finding{Kind: Discarded, From: 1, To: m.Seq, What: fmt.Sprintf("evidence of %q has made room for newer", keyOf(token))})
		case run == nil:
			found = append(found, Finding{Kind: EvidenceDamaged, From: 1, To: m.Seq, What: fmt.Sprintf("evidence of %q is not there", keyOf(token))})
		case run.last < m.Seq:
			found = append(found, Finding{Kind: EvidenceDamaged, From: run.last + 1, To: m.Seq, What: fmt.Sprintf("evidence of %q is not there", keyOf(token))})
		}
	}
	for _, token := range slices.Sorted(maps.Keys(l.keys)) {
		if first := l.keys[token].first; first > 1 {
			found = append(found, Finding{Kind: Discarded, From: 1, To: first - 1, What: fmt.Sprintf("evidence of %q has made room for newer", keyOf(token))})
		}
	}
	return found
}
