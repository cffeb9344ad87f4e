package payload

import (
	"bytes"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// maxDepth of nested lists and objects. The check of a body is recursive; what
// models are asked is four or five deep.
const maxDepth = 64

// strictly says whether b is JSON that may be looked up in. gjson's look-ups
// take almost any bytes and answer something.
func strictly(b []byte) Trouble {
	depth, deepest := nesting(b)
	switch {
	case !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0:
		return Binary
	case deepest > maxDepth:
		return Deep
	case depth == 0 && gjson.ValidBytes(b):
		return Fine
	case validButForNumbers(b):
		return NotFinite
	default:
		return NotJSON
	}
}

// nesting counts brackets outside of strings: those open at the end, and the
// most at any place.
func nesting(b []byte) (open, deepest int) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			open++
			deepest = max(deepest, open)
		case c == ']' || c == '}':
			open--
		}
	}
	return open, deepest
}

// validButForNumbers says whether b would be JSON if it held numbers in place
// of the words NaN, Infinity and -Infinity, as Python writes them.
func validButForNumbers(b []byte) bool {
	var fixed []byte // a copy, once there is something to replace
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == 'N' || c == 'I':
			n := bareNumber(b[i:])
			if n == 0 {
				return false
			}
			if fixed == nil {
				fixed = bytes.Clone(b)
			}
			fixed[i] = '0'
			for j := range n - 1 {
				fixed[i+1+j] = ' '
			}
			i += n - 1
		}
	}
	return fixed != nil && gjson.ValidBytes(fixed)
}

// bareNumber is the length of the word that b begins with, 0 for another.
func bareNumber(b []byte) int {
	for _, word := range []string{"NaN", "Infinity"} {
		if bytes.HasPrefix(b, []byte(word)) {
			return len(word)
		}
	}
	return 0
}
