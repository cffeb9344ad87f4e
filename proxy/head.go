package proxy

import "bytes"

const maxFields = 256

// field is one line of a head, as it was sent.
type field struct {
	line, name, value []byte // line without its CRLF
}

// requestHead is a request's head, strictly checked (RFC 9110, RFC 9112). Its
// slices point into the bytes that were checked.
type requestHead struct {
	method, target []byte // target in origin form, or *
	host           []byte
	fields         []field
	length         int64 // of the body: bytes, or chunked, or noBody
	http10         bool
	close          bool // the connection ends with this request
	wantsContinue  bool
	nominated      bool // Connection names fields besides close and keep-alive
	upgrade        bool // Upgrade names a protocol that we refuse
	wantsUpgrade   bool // Connection names Upgrade
	requestID      []byte
	cookies        bool
	coding         []byte // Content-Encoding
}

// Body lengths that are no number of bytes.
const (
	chunked int64 = -1
	noBody  int64 = -2
)

// parse checks a whole head, from the request line to the empty line. The
// lines are known to end in CRLF.
func (h *requestHead) parse(head []byte) *refusal {
	*h = requestHead{fields: h.fields[:0], length: noBody}
	end := bytes.IndexByte(head, '\n')
	if r := h.parseStart(head[:end-1]); r != nil {
		return r
	}
	if r := h.parseFields(head[end+1:]); r != nil {
		return r
	}
	return h.check()
}

// parseStart reads "METHOD target HTTP/1.1", one blank between each.
func (h *requestHead) parseStart(line []byte) *refusal {
	first, last := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	if first <= 0 || first == last {
		return refuseStart
	}
	h.method, h.target = line[:first], line[first+1:last]
	if !tokenSet.all(h.method) {
		return refuseStart
	}
	version := line[last+1:]
	switch string(version) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		h.http10, h.close = true, true
	default:
		if len(version) == 8 && string(version[:5]) == "HTTP/" && version[6] == '.' && digitsOnly(version[5:6]) && digitsOnly(version[7:]) {
			return refuseProtocol
		}
		return refuseVersion
	}
	if string(h.method) == "CONNECT" || string(h.method) == "TRACE" {
		return refuseMethod
	}
	if !validTarget(h.target) {
		return refuseTarget
	}
	return nil
}

func (h *requestHead) parseFields(lines []byte) *refusal {
	for {
		end := bytes.IndexByte(lines, '\n')
		line := lines[:end-1]
		lines = lines[end+1:]
		if len(line) == 0 {
			return nil
		}
		f, r := parseField(line)
		if r != nil {
			return r
		}
		if len(h.fields) == maxFields {
			return refuseLongHead
		}
		h.fields = append(h.fields, f)
		if r := h.note(f); r != nil {
			return r
		}
	}
}

// parseField reads "Name: value"; the line has no CRLF.
func parseField(line []byte) (field, *refusal) {
	if line[0] == ' ' || line[0] == '\t' {
		return field{}, refuseFold
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !tokenSet.all(line[:colon]) {
		return field{}, refuseName
	}
	if !valueSet.all(line[colon+1:]) {
		if bytes.IndexByte(line, '\r') >= 0 {
			return field{}, refuseCR
		}
		return field{}, refuseValue
	}
	return field{line: line, name: line[:colon], value: trimBlanks(line[colon+1:])}, nil
}

// note takes what routing and framing need from a field.
func (h *requestHead) note(f field) *refusal {
	switch f.name[0] | 0x20 {
	case 'h':
		if equalFold(f.name, "host") {
			if h.host != nil || !validHost(f.value) {
				return refuseHost
			}
			h.host = f.value
		}
	case 'c':
		switch {
		case equalFold(f.name, "content-length"):
			return h.noteLength(f.value)
		case equalFold(f.name, "connection"):
			h.noteConnection(f.value)
		case equalFold(f.name, "cookie"):
			h.cookies = true
		case equalFold(f.name, "content-encoding"):
			h.coding = f.value
		}
	case 't':
		if equalFold(f.name, "transfer-encoding") {
			return h.noteCoding(f.value)
		}
	case 'e':
		if equalFold(f.name, "expect") {
			if !equalFold(f.value, "100-continue") {
				return refuseExpect
			}
			h.wantsContinue = true
		}
	case 'u':
		// h2c is offered by clients that are happy without it (Java's).
		if equalFold(f.name, "upgrade") && !equalFold(f.value, "h2c") {
			h.upgrade = true
		}
	case 'x':
		if equalFold(f.name, "x-request-id") && h.requestID == nil {
			h.requestID = f.value
		}
	}
	return nil
}

func (h *requestHead) noteLength(value []byte) *refusal {
	if h.length == chunked {
		return refuseFraming
	}
	n, ok := parseLength(value)
	if h.length != noBody || !ok {
		return refuseLength
	}
	h.length = n
	return nil
}

func (h *requestHead) noteCoding(value []byte) *refusal {
	switch {
	case h.length >= 0:
		return refuseFraming
	case h.length == chunked || h.http10:
		return refuseCoding
	case equalFold(value, "chunked"):
		h.length = chunked
		return nil
	case len(value) > 8 && equalFold(value[len(value)-7:], "chunked") && tokenSet.all(value[:len(value)-9]):
		return refuseOtherCoding
	default:
		return refuseCoding
	}
}

func (h *requestHead) noteConnection(value []byte) {
	for token := range eachToken(value) {
		switch {
		case equalFold(token, "close"):
			h.close = true
		case equalFold(token, "keep-alive"):
			if h.http10 {
				h.close = false
			}
		default:
			h.nominated = true
			h.wantsUpgrade = h.wantsUpgrade || equalFold(token, "upgrade")
		}
	}
}

// check is what can be said only when all fields are known.
func (h *requestHead) check() *refusal {
	if h.host == nil {
		return refuseHost
	}
	if h.upgrade && h.wantsUpgrade && !h.http10 { // else RFC 9110 §7.8 says to ignore it
		return refuseUpgrade
	}
	switch {
	case h.target[0] == '/':
		return nil
	case string(h.target) == "*":
		if string(h.method) == "OPTIONS" {
			return nil
		}
		return refuseTarget
	default:
		return h.toOriginForm()
	}
}

// toOriginForm turns http://host/path into /path, when the host is Host's.
func (h *requestHead) toOriginForm() *refusal {
	scheme, rest, found := bytes.Cut(h.target, []byte("://"))
	if !found || !(equalFold(scheme, "http") || equalFold(scheme, "https")) {
		return refuseTarget
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if !validHost(rest[:end]) {
		return refuseTarget
	}
	if !bytes.EqualFold(rest[:end], h.host) {
		return refuseAuthority
	}
	h.target = rest[end:]
	if len(h.target) == 0 || h.target[0] == '?' {
		h.target = append([]byte{'/'}, h.target...)
	}
	return nil
}

// parseLength reads a Content-Length: digits, at most 18 of them.
func parseLength(value []byte) (int64, bool) {
	if len(value) == 0 || len(value) > 18 || !digitsOnly(value) {
		return 0, false
	}
	n := int64(0)
	for _, c := range value {
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// eachToken walks over a comma-separated list.
func eachToken(list []byte) func(yield func(token []byte) bool) {
	return func(yield func(token []byte) bool) {
		for rest, more := list, true; more; {
			var token []byte
			token, rest, more = bytes.Cut(rest, []byte{','})
			if token = trimBlanks(token); len(token) > 0 && !yield(token) {
				return
			}
		}
	}
}
