package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

var chunkedBodies = []struct {
	name, raw string
	status    int
}{
	{"one chunk", "5\r\nhello\r\n0\r\n\r\n", 0},
	{"none", "0\r\n\r\n", 0},
	{"two and hexadecimal", "a\r\n0123456789\r\n0B\r\n0123456789a\r\n0\r\n\r\n", 0},
	{"extensions", "5;a;b=c;d=\"e \\\" f\"\r\nhello\r\n0;x\r\n\r\n", 0},
	{"trailers", "0\r\nX-A: b\r\nX-C: d\r\n\r\n", 0},

	{"bare LF behind the size", "5\nhello\r\n0\r\n\r\n", 400},
	{"bare LF behind the data", "5\r\nhello\n0\r\n\r\n", 400},
	{"no CRLF behind the data", "5\r\nhello0\r\n\r\n", 400},
	{"more data than said", "5\r\nhello!\r\n0\r\n\r\n", 400},
	{"no size", "\r\nhello\r\n0\r\n\r\n", 400},
	{"sign", "+5\r\nhello\r\n0\r\n\r\n", 400},
	{"negative", "-5\r\nhello\r\n0\r\n\r\n", 400},
	{"prefix", "0x5\r\nhello\r\n0\r\n\r\n", 400},
	{"underscore", "1_0\r\n0123456789abcdef\r\n0\r\n\r\n", 400},
	{"leading blank", " 5\r\nhello\r\n0\r\n\r\n", 400},
	{"trailing blank", "5 \r\nhello\r\n0\r\n\r\n", 400},
	{"overflow", "FFFFFFFFFFFFFFFF0\r\nhello\r\n0\r\n\r\n", 400},
	{"empty extension", "5;\r\nhello\r\n0\r\n\r\n", 400},
	{"extension not a token", "5;a[=b\r\nhello\r\n0\r\n\r\n", 400},
	{"extension without a value", "5;a=\r\nhello\r\n0\r\n\r\n", 400},
	{"line feed in a quoted extension", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", 400},
	{"trailer folded", "0\r\nX: a\r\n b\r\n\r\n", 400},
	{"trailer with bare LF", "0\r\nX: a\n\r\n", 400},
	{"over the limit", "65\r\n", 413},
	{"endless extension", "5;" + strings.Repeat("a", 9<<10), 400},
	{"endless trailers", "0\r\n" + strings.Repeat("X: a\r\n", 2<<10), 431},
}

func TestChunks(t *testing.T) {
	for _, tc := range chunkedBodies {
		for _, step := range []int{1, 3, len(tc.raw)} {
			var scan chunkScan
			var r *refusal
			for rest := tc.raw; len(rest) > 0 && r == nil && !scan.done(); {
				piece := rest[:min(step, len(rest))]
				rest = rest[len(piece):]
				_, r = scan.next([]byte(piece), 100)
			}
			switch {
			case r != nil && r.status != tc.status:
				t.Errorf("%s, %d at a time: %d %s, wanted %d", tc.name, step, r.status, r.detail, tc.status)
			case r == nil && tc.status != 0:
				t.Errorf("%s, %d at a time: accepted", tc.name, step)
			case r == nil && !scan.done():
				t.Errorf("%s, %d at a time: no end", tc.name, step)
			}
		}
	}
}

// FuzzChunks: what is accepted, another reader understands, to the same byte,
// and our own reader of answers too.
func FuzzChunks(f *testing.F) {
	for _, tc := range chunkedBodies {
		f.Add([]byte(tc.raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var scan chunkScan
		n, r := scan.next(raw, 1000)
		if r != nil || !scan.done() {
			return
		}
		want, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(raw[:n])))
		if err != nil || int64(len(want)) != scan.total {
			t.Fatalf("%q: net/http reads %d bytes, %v; we counted %d", raw[:n], len(want), err, scan.total)
		}
		var got []byte
		body := newAnswerBody(bufio.NewReaderSize(bytes.NewReader(raw[:n]), 32<<10), chunked, nil)
		for {
			piece, err := body.next()
			if err == io.EOF { //nolint:errorlint // the reader promises exactly this
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", raw[:n], err)
			}
			got = append(got, piece...)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%q: read %q and %q", raw[:n], got, want)
		}
	})
}
