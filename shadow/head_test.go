package shadow

import (
	"strings"
	"testing"
)

func TestHeadOfACopy(t *testing.T) {
	const in = "POST /predict?x=1 HTTP/1.1\r\nHost: churn.example\r\nAuthorization: Bearer s3cret\r\ncookie: session=s3cret\r\n" +
		"Proxy_Authorization: Basic s3cret\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n" +
		"Upgrade: h2c\r\nExpect: 100-continue\r\nX-Headgate-Shadow: 0\r\nx_headgate_force: candidate\r\nContent-Length: 99\r\nX-Odd:  kept \r\nX-Request-Id:  id-1 \r\n\r\n"
	const kept = "POST /predict?x=1 HTTP/1.1\r\nHost: churn.example\r\n"
	const credentials = "Authorization: Bearer s3cret\r\ncookie: session=s3cret\r\nProxy_Authorization: Basic s3cret\r\n"
	const rest = "X-Odd:  kept \r\nX-Request-Id:  id-1 \r\nContent-Length: 7\r\nX-Headgate-Shadow: 1\r\n\r\n"
	for strip, want := range map[bool]string{false: kept + credentials + rest, true: kept + rest} {
		var o outgoing
		if !o.rewrite([]byte(in), 7, strip) || string(o.head) != want {
			t.Errorf("strip %v: got\n%s\nwant\n%s", strip, o.head, want)
		}
		if string(o.id) != "id-1" || string(o.method) != "POST" || string(o.target) != "/predict?x=1" {
			t.Errorf("id %q, method %q, target %q", o.id, o.method, o.target)
		}
		if strip && strings.Contains(string(o.head), "s3cret") {
			t.Error("a credential is sent")
		}
	}
	var o outgoing
	if !o.rewrite([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0, false) || strings.Contains(string(o.head), "Content-Length") {
		t.Errorf("a request without a body says %q", o.head)
	}
	for _, bad := range []string{"", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n", "GET /\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nnonsense\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n"} {
		if o.rewrite([]byte(bad), 0, false) {
			t.Errorf("%q was taken for a head", bad)
		}
	}
}

// What comes out never has a field that belongs to one connection, and always
// the mark, once.
func FuzzHead(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nX: 1\r\n\r\n"), true)
	f.Add([]byte("POST / HTTP/1.1\r\nX-HEADGATE-SHADOW: 7\r\n\r\n"), false)
	f.Fuzz(func(t *testing.T, head []byte, strip bool) {
		var o outgoing
		if !o.rewrite(head, 3, strip) {
			return
		}
		lines := strings.Split(strings.ToLower(string(o.head)), "\r\n")
		marks := 0
		for _, line := range lines[1:] {
			name, _, _ := strings.Cut(line, ":")
			switch strings.ReplaceAll(name, "_", "-") {
			case "connection", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive", "expect":
				t.Errorf("%q is sent", line)
			case "cookie", "authorization":
				if strip {
					t.Errorf("%q is sent", line)
				}
			case "x-headgate-shadow":
				marks++
			}
		}
		if marks != 1 || !strings.HasSuffix(string(o.head), "\r\n\r\n") {
			t.Errorf("%d marks in %q", marks, o.head)
		}
	})
}
