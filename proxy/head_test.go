package proxy

import (
	"bytes"
	"strings"
	"testing"
)

// parseWhole runs bytes through the two checks that every head goes through.
func parseWhole(raw []byte) (h requestHead, end int, r *refusal) {
	var scan headScan
	end, r = scan.next(raw, int(DefaultMaxTarget), int(DefaultMaxHead))
	if r != nil || end == 0 {
		return h, end, r
	}
	if len(raw) > 1 && raw[0] == '\r' {
		return h, end, refuseStart
	}
	return h, end, h.parse(raw[:end])
}

var heads = []struct {
	name, raw string
	status    int // 0: accepted
}{
	{"plain", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0},
	{"HTTP/1.0 with Host", "GET / HTTP/1.0\r\nHost: h\r\n\r\n", 0},
	{"host and port", "GET / HTTP/1.1\r\nHost: h.example:8080\r\n\r\n", 0},
	{"IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
	{"odd path stays", "GET //a/../b%2F\\%zz?x=/.. HTTP/1.1\r\nHost: h\r\n\r\n", 0},
	{"absolute form", "GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n", 0},
	{"absolute form without a path", "GET http://h?x HTTP/1.1\r\nHost: h\r\n\r\n", 0},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 0},
	{"empty field value", "GET / HTTP/1.1\r\nHost: h\r\nX:\r\n\r\n", 0},
	{"obs-text in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: \xe4\r\n\r\n", 0},
	{"h2c offered", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n", 0},
	{"length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0012\r\n\r\n", 0},
	{"chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n", 0},
	{"expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n", 0},

	{"bare LF ends the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
	{"bare LF ends a field", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
	{"bare LF ends the head", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
	{"CR inside a line", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400},
	{"CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", 400},
	{"NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", 400},
	{"obs-fold", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400},
	{"fold behind the request line", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
	{"space before the colon", "GET / HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n", 400},
	{"space inside a name", "GET / HTTP/1.1\r\nHost: h\r\nX Y: a\r\n\r\n", 400},
	{"empty name", "GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n", 400},
	{"no colon", "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n", 400},
	{"name not ASCII", "GET / HTTP/1.1\r\nHost: h\r\n\xc3\xa4: a\r\n\r\n", 400},
	{"two blanks", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"tab as a blank", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"blank at the end", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
	{"HTTP/0.9", "GET /\r\n\r\n", 400},
	{"fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"target not ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"target without a slash", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"GET *", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"two hosts that differ", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 400},
	{"user in the target", "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
	{"short version", "GET / HTTP/1\r\nHost: h\r\n\r\n", 400},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
	{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
	{"TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 405},
	{"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 405},
	{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
	{"no Host, HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 400},
	{"Host twice", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
	{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
	{"user in Host", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
	{"path in Host", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", 400},
	{"list in Host", "GET / HTTP/1.1\r\nHost: h, i\r\n\r\n", 400},
	{"port not a number", "GET / HTTP/1.1\r\nHost: h:x\r\n\r\n", 400},
	{"port only", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
	{"CL and TE", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"TE and CL", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
	{"CL twice", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
	{"CL list", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", 400},
	{"CL signed", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400},
	{"CL negative", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
	{"CL hexadecimal", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\n", 400},
	{"CL empty", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400},
	{"CL overflows", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551617\r\n\r\n", 400},
	{"TE identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", 400},
	{"TE twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"TE chunked not last", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400},
	{"TE with a vertical tab", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 400},
	{"TE gzip", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
	{"TE in HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"upgrade without its token", "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", 0},
	{"upgrade in HTTP/1.0", "GET / HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 0},
	{"websocket", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 501},
	{"another expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n", 417},
	{"long target", "GET /" + strings.Repeat("a", 9<<10) + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
	{"long head", "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("a", 33<<10) + "\r\n\r\n", 431},
	{"many fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: a\r\n", 300) + "\r\n", 431},
}

func TestHeads(t *testing.T) {
	for _, tc := range heads {
		t.Run(tc.name, func(t *testing.T) {
			_, end, r := parseWhole([]byte(tc.raw))
			switch {
			case r != nil && r.status != tc.status:
				t.Errorf("refused with %d %s, wanted %d", r.status, r.detail, tc.status)
			case r == nil && end == 0:
				t.Error("found no end")
			case r == nil && tc.status != 0:
				t.Errorf("accepted, wanted %d", tc.status)
			}
		})
	}
}

func TestHeadMeaning(t *testing.T) {
	h, _, r := parseWhole([]byte("PUT HTTP://H.x:1?q HTTP/1.0\r\nhOST: h.X:1\r\nConnection: Keep-Alive, X-A\r\ncookie: a=b\r\nX-Request-ID: i\r\nContent-Length: 007\r\n\r\n"))
	if r != nil {
		t.Fatal(r.detail)
	}
	if string(h.method) != "PUT" || string(h.target) != "/?q" || string(h.host) != "h.X:1" || h.length != 7 {
		t.Errorf("got %q %q %q %d", h.method, h.target, h.host, h.length)
	}
	if !h.http10 || h.close || !h.nominated || !h.cookies || string(h.requestID) != "i" {
		t.Errorf("got %+v", h)
	}
	if h, _, _ := parseWhole([]byte("GET / HTTP/1.1\r\nHost: h\r\nConnection: a, close\r\n\r\n")); !h.close {
		t.Error("close was not seen in a list")
	}
	if h, _, _ := parseWhole([]byte("GET / HTTP/1.0\r\nHost: h\r\n\r\n")); !h.close {
		t.Error("HTTP/1.0 was kept open")
	}
}

func TestHeadInPieces(t *testing.T) {
	raw := []byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	var scan headScan
	for n := range len(raw) {
		if end, r := scan.next(raw[:n], 100, 100); end != 0 || r != nil {
			t.Fatalf("after %d bytes: end %d, %v", n, end, r)
		}
	}
	if end, r := scan.next(append(raw, "more"...), 100, 100); end != len(raw) || r != nil {
		t.Errorf("end %d, %v", end, r)
	}
}

// FuzzHead holds that whatever is accepted can be read in one way only: one
// Host, one framing, no control bytes, and the same when it is written again.
func FuzzHead(f *testing.F) {
	for _, tc := range heads {
		f.Add([]byte(tc.raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, end, r := parseWhole(raw)
		if r != nil || end == 0 {
			return
		}
		head := raw[:end]
		if !bytes.HasSuffix(head, []byte("\r\n\r\n")) || bytes.Count(head, []byte("\n")) != len(h.fields)+2 || bytes.Count(head, []byte("\r")) != len(h.fields)+2 {
			t.Fatalf("lines are not what they seem: %q", head)
		}
		hosts, lengths, codings := 0, 0, 0
		for _, f := range h.fields {
			switch strings.ToLower(string(f.name)) {
			case "host":
				hosts++
			case "content-length":
				lengths++
			case "transfer-encoding":
				codings++
			}
			if bytes.ContainsAny(f.line, "\x00\x01\x08\x0b\x0c\x1f\x7f") || bytes.ContainsAny(f.name, " \t:") {
				t.Fatalf("field %q", f.line)
			}
		}
		if hosts != 1 || lengths+codings > 1 || bytes.ContainsAny(h.host, "@/, ") {
			t.Fatalf("%d hosts, %d lengths, %d codings: %q", hosts, lengths, codings, head)
		}
		if (lengths == 1) != (h.length >= 0) || (codings == 1) != (h.length == chunked) {
			t.Fatalf("length %d of %q", h.length, head)
		}
		if h.target[0] != '/' && string(h.target) != "*" {
			t.Fatalf("target %q", h.target)
		}
		c := &client{head: h, exchange: exchange{route: &route{}, id: []byte("i")}}
		again, _, r := parseWhole(c.appendRequestHead(nil, 3))
		if r != nil || !bytes.Equal(again.method, h.method) || !bytes.Equal(again.target, h.target) || !bytes.Equal(again.host, h.host) {
			t.Fatalf("written again it is refused or another: %v", r)
		}
	})
}
