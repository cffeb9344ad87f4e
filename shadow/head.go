package shadow

import (
	"bytes"
	"strconv"
)

// outgoing is the head of a copy as it is sent, and what else of it matters.
type outgoing struct {
	head   []byte
	method []byte
	target []byte
	id     []byte // X-Request-Id
}

var (
	crlf  = []byte("\r\n")
	blank = []byte{' '}
)

// rewrite makes the head of a copy of the head that went to the live upstream:
// the same lines, without those of one connection, without the caller's
// credentials where they are not to be sent, and marked. False for what is no
// request head.
func (o *outgoing) rewrite(head []byte, body int, strip bool) bool {
	*o = outgoing{head: o.head[:0]}
	first, lines, ok := bytes.Cut(head, crlf)
	method, rest, ok2 := bytes.Cut(first, blank)
	target, version, ok3 := bytes.Cut(rest, blank)
	if !ok || !ok2 || !ok3 || string(version) != "HTTP/1.1" || len(method) == 0 || len(target) == 0 {
		return false
	}
	o.method, o.target = method, target
	o.head = append(append(o.head, first...), crlf...)
	framed := body > 0
	for {
		line, rest, found := bytes.Cut(lines, crlf)
		if !found {
			return false
		}
		if len(line) == 0 {
			break
		}
		lines = rest
		name, value, isField := bytes.Cut(line, colon)
		if !isField || len(name) == 0 {
			return false
		}
		if isName(name, "content-length") {
			framed = true
		}
		if isName(name, "x-request-id") {
			o.id = bytes.TrimSpace(value)
		}
		if !forbidden(name) && !(strip && credential(name)) && !nominated(head, name) {
			o.head = append(append(o.head, line...), crlf...)
		}
	}
	if framed {
		o.head = append(o.head, "Content-Length: "...)
		o.head = append(strconv.AppendInt(o.head, int64(body), 10), crlf...)
	}
	o.head = append(o.head, "X-Headgate-Shadow: 1\r\n\r\n"...)
	return true
}

var colon = []byte{':'}

// forbidden says whether a field belongs to one connection, to the framing, or
// to Headgate itself.
func forbidden(name []byte) bool {
	for _, f := range []string{
		"connection", "content-length", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade", "expect",
	} {
		if isName(name, f) {
			return true
		}
	}
	const own = "x-headgate-"
	return len(name) > len(own) && isName(name[:len(own)], own)
}

// credential says whether a field carries who the caller is.
func credential(name []byte) bool {
	return isName(name, "authorization") || isName(name, "cookie") || isName(name, "proxy-authorization")
}

// nominated says whether a Connection field of the head names this one. The
// proxy has removed both already; the promise holds for any head.
func nominated(head, name []byte) bool {
	if !bytes.Contains(head, []byte("onnection")) && !bytes.Contains(head, []byte("ONNECTION")) {
		return false
	}
	for line := range bytes.SplitSeq(head, crlf) {
		field, value, _ := bytes.Cut(line, colon)
		if !isName(field, "connection") {
			continue
		}
		for token := range bytes.SplitSeq(value, []byte{','}) {
			if bytes.EqualFold(bytes.TrimSpace(token), name) {
				return true
			}
		}
	}
	return false
}

// isName compares a field's name without case and with _ as -, as the backends
// behind WSGI do. lower is in lower case.
func isName(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == '_':
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
