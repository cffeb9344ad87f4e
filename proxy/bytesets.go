package proxy

import "bytes"

// byteSet is a set of bytes, one load per question.
type byteSet [256]bool

func setOf(members string, ranges ...[2]byte) (s byteSet) {
	for _, c := range []byte(members) {
		s[c] = true
	}
	for _, r := range ranges {
		for c := int(r[0]); c <= int(r[1]); c++ {
			s[c] = true
		}
	}
	return s
}

var (
	digitBytes = [2]byte{'0', '9'}
	upperBytes = [2]byte{'A', 'Z'}
	lowerBytes = [2]byte{'a', 'z'}

	alnumSet = setOf("", digitBytes, upperBytes, lowerBytes)
	// RFC 9110 §5.6.2
	tokenSet = setOf("!#$%&'*+-.^_`|~", digitBytes, upperBytes, lowerBytes)
	// RFC 9110 §5.5: visible, obs-text, and blanks inside
	valueSet = setOf(" \t", [2]byte{0x21, 0x7e}, [2]byte{0x80, 0xff})
	// Visible ASCII without the fragment mark. RFC 3986 forbids some more that
	// clients do send; they are passed on as they are.
	targetSet = setOf("", [2]byte{0x21, 0x22}, [2]byte{0x24, 0x7e})
	hostSet   = setOf("-._~", digitBytes, upperBytes, lowerBytes)
	// What a request id may be made of: safe in logs, headers and JSON.
	idSet  = setOf("-._~+/=:@", digitBytes, upperBytes, lowerBytes)
	hexSet = setOf("", digitBytes, [2]byte{'a', 'f'}, [2]byte{'A', 'F'})
)

func (s *byteSet) all(b []byte) bool {
	for _, c := range b {
		if !s[c] {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool       { return alnumSet[c] }
func isToken(s string) bool     { return s != "" && tokenSet.all([]byte(s)) }
func validTarget(b []byte) bool { return len(b) > 0 && targetSet.all(b) }

// validHost takes a name, an IPv4 address or an IPv6 address in brackets, with
// or without a port; no user, no path, no list.
func validHost(b []byte) bool {
	name, port := b, []byte(nil)
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return false
		}
		name, port = b[1:end], b[end+1:]
		for _, c := range name {
			if !hexSet[c] && c != ':' && c != '.' {
				return false
			}
		}
	} else {
		if i := bytes.IndexByte(b, ':'); i >= 0 {
			name, port = b[:i], b[i:]
		}
		if !hostSet.all(name) {
			return false
		}
	}
	if len(port) == 0 {
		return len(name) > 0
	}
	return len(name) > 0 && port[0] == ':' && len(port) <= 6 && digitsOnly(port[1:])
}

func digitsOnly(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// hostName is a valid host without its port.
func hostName(b []byte) []byte {
	if i := bytes.LastIndexByte(b, ':'); i >= 0 && bytes.IndexByte(b[i:], ']') < 0 {
		return b[:i]
	}
	return b
}

// isName compares a field name with a lower-case one: case does not matter,
// and an underscore counts as a hyphen, because WSGI and CGI backends read
// X_Forwarded_For and X-Forwarded-For as the same field.
func isName(name []byte, lower string) bool {
	return len(name) == len(lower) && hasNamePrefix(name, lower)
}

func hasNamePrefix(name []byte, lower string) bool {
	if len(name) < len(lower) {
		return false
	}
	for i := range len(lower) {
		if foldName(name[i]) != lower[i] {
			return false
		}
	}
	return true
}

func foldName(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c | 0x20
	case c == '_':
		return '-'
	default:
		return c
	}
}

// equalFold compares ASCII text with a lower-case word.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
