package shadow

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	anySegments = "**"
	anyPart     = "*"
)

// longestPath bounds the work that a request's path can cause.
const longestPath = 1024

var errPattern = errors.New("not a path")

// pathPattern matches the path of a request, segment by segment, as it was
// sent. Spellings with %2F or dots do not match: what is not named is not
// mirrored.
type pathPattern []string

func parsePathPattern(text string) (pathPattern, error) {
	if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, "?# \t\r\n") {
		return nil, errPattern
	}
	segments, wide := strings.Split(text[1:], "/"), 0
	for _, s := range segments {
		switch {
		case s == anySegments:
			wide++
		case strings.Count(s, anyPart) > 1:
			return nil, errPattern
		}
	}
	if wide > 2 { // each more multiplies the work that a request's path can cause
		return nil, errPattern
	}
	return segments, nil
}

// matches takes what is left of a path; ended says that nothing is, not even an
// empty segment.
func (p pathPattern) matches(path []byte, ended bool) bool {
	if len(p) == 0 {
		return ended
	}
	if p[0] == anySegments && p[1:].matches(path, ended) {
		return true
	}
	if ended {
		return false
	}
	segment, rest, more := bytes.Cut(path, slash)
	if p[0] == anySegments {
		return p.matches(rest, !more)
	}
	return matchesSegment(p[0], segment) && p[1:].matches(rest, !more)
}

var slash = []byte{'/'}

// matchesSegment knows one * in a segment; it stands for one byte at least.
func matchesSegment(want string, segment []byte) bool {
	star := strings.IndexByte(want, '*')
	if star < 0 {
		return string(segment) == want
	}
	before, after := want[:star], want[star+1:]
	return len(segment) > len(before)+len(after) &&
		string(segment[:len(before)]) == before && string(segment[len(segment)-len(after):]) == after
}

// matchesAny takes a request's target: a path and perhaps a query.
func matchesAny(patterns []pathPattern, target []byte) bool {
	if end := bytes.IndexByte(target, '?'); end >= 0 {
		target = target[:end]
	}
	if len(target) == 0 || target[0] != '/' || len(target) > longestPath {
		return false
	}
	for _, p := range patterns {
		if p.matches(target[1:], false) {
			return true
		}
	}
	return false
}

// jsonPattern matches a place in a JSON document.
type jsonPattern []string

// parseJSONPattern reads names and indexes separated by dots; "\." is a dot in
// a name.
func parseJSONPattern(text string) (jsonPattern, error) {
	if text == "" {
		return nil, errPattern
	}
	var out jsonPattern
	segment := strings.Builder{}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			segment.WriteByte(text[i])
		case text[i] == '\\':
			return nil, errPattern
		case text[i] == '.':
			out = append(out, segment.String())
			segment.Reset()
		default:
			segment.WriteByte(text[i])
		}
	}
	out = append(out, segment.String())
	for _, s := range out {
		if s == "" {
			return nil, errPattern
		}
	}
	return out, nil
}

// parseAll reads patterns of one kind.
func parseAll[P any](texts []string, parse func(string) (P, error)) ([]P, error) {
	var out []P
	for _, text := range texts {
		p, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", text, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// step is one name or index on the way into a document.
type step struct {
	name  []byte // without quotes, escapes as they are written; nil for an index
	index int
}

func (s step) is(want string) bool {
	if want == anyPart {
		return true
	}
	if s.name == nil {
		n, err := strconv.Atoi(want)
		return err == nil && n == s.index
	}
	return string(s.name) == want
}

func (p jsonPattern) matches(way []step) bool {
	for i, want := range p {
		if want == anySegments {
			rest := p[i+1:]
			for from := 0; from <= len(way); from++ {
				if rest.matches(way[from:]) {
					return true
				}
			}
			return false
		}
		if len(way) == 0 || !way[0].is(want) {
			return false
		}
		way = way[1:]
	}
	return len(way) == 0
}

// appendWay writes the way as a path. general writes every index as *.
func appendWay(b []byte, way []step, general bool) []byte {
	for i, s := range way {
		if i > 0 {
			b = append(b, '.')
		}
		switch {
		case s.name == nil && general:
			b = append(b, '*')
		case s.name == nil:
			b = strconv.AppendInt(b, int64(s.index), 10)
		default:
			for _, c := range s.name[:min(len(s.name), 100)] {
				if c == '.' || c == '\\' {
					b = append(b, '\\')
				}
				b = append(b, c)
			}
		}
	}
	return b
}
