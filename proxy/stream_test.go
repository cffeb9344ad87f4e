package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
)

// Server-sent events come one by one, as they are sent.
func TestEventsPassThrough(t *testing.T) {
	next := make(chan string)
	backend := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		flush := http.NewResponseController(w)
		_ = flush.Flush()
		for event := range next {
			_, _ = io.WriteString(w, "data: "+event+"\n\n")
			_ = flush.Flush()
		}
	})
	c := oneRoute(backend, backend)
	c.Routes[0].Timeout = 200 * time.Millisecond // to the head, not to the end of the stream
	p := startProxy(t, c)
	rec := p.give(canary.Full)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url, http.NoBody)
	res, err := newHTTP(t).Do(req) // returns with the head, before any event
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	time.Sleep(300 * time.Millisecond)
	r := bufio.NewReader(res.Body)
	for i := range 3 {
		next <- fmt.Sprint(i)
		if line, err := r.ReadString('\n'); line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("got %q, %v", line, err)
		}
		_, _ = r.ReadString('\n')
		time.Sleep(50 * time.Millisecond)
	}
	if p.inFlight.Load() != 1 {
		t.Error("a stream under way is not in flight")
	}
	close(next)
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}
	eventually(t, "the stream was recorded at its end", func() bool {
		_, cand := counts(rec)
		return cand.Requests == 1 && cand.Failures == 0 && p.inFlight.Load() == 0
	})
}

// A stream that is cut upstream never ends cleanly for the client, and is a
// failure of the arm.
func TestCutStreams(t *testing.T) {
	big := strings.Repeat("x", 100<<10)
	for _, tc := range []struct{ name, answer string }{
		{"at a chunk boundary", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"},
		{"inside a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"},
		{"inside a chunk's size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1"},
		{"before the first chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"before the trailers end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"},
		{"chunk not valid", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nsecret\r\n"},
		{"in a long body", "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + big},
	} {
		t.Run(tc.name, func(t *testing.T) {
			backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
				if _, _, ok := b.request(r); ok {
					_, _ = io.WriteString(conn, tc.answer)
				}
			})
			p := startProxy(t, oneRoute(backend.url, backend.url))
			rec := p.give(canary.Full)
			conn := p.dial()
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			got, _ := io.ReadAll(conn)
			if strings.Contains(string(got), "\r\n0\r\n") || strings.Contains(string(got), "secret") {
				t.Errorf("ended cleanly: %q", got[max(0, len(got)-40):])
			}
			if len(got) > 200_000 {
				t.Errorf("%d bytes", len(got))
			}
			eventually(t, "one failure of the candidate", func() bool {
				_, cand := counts(rec)
				return cand.Requests == 1 && cand.Failures == 1 && p.attempts(canary.Candidate, resultBroken) == 1
			})
		})
	}
}

// A body that ends with its connection is complete when the connection ends
// properly, and cut when it is reset.
func TestBodyThatEndsWithItsConnection(t *testing.T) {
	for _, reset := range []bool{false, true} {
		backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
			if _, _, ok := b.request(r); ok {
				_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\nhello")
				time.Sleep(50 * time.Millisecond)
				if reset {
					_ = conn.(*net.TCPConn).SetLinger(0)
				}
			}
		})
		p := startProxy(t, oneRoute(backend.url, ""))
		conn := p.dial()
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		got, _ := io.ReadAll(conn)
		if ended := strings.HasSuffix(string(got), "5\r\nhello\r\n0\r\n\r\n"); ended == reset {
			t.Errorf("reset %v: got %q", reset, got)
		}
	}
}

func TestSilentStreamIsCut(t *testing.T) {
	hang := make(chan struct{})
	backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
		if _, _, ok := b.request(r); ok {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			<-hang
		}
	})
	t.Cleanup(func() { close(hang) })
	c := oneRoute(backend.url, backend.url)
	c.Upstream.Silence = 150 * time.Millisecond
	p := startProxy(t, c)
	rec := p.give(canary.Full)
	conn := p.dial()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	began := time.Now()
	got, _ := io.ReadAll(conn)
	if took := time.Since(began); took > 20*time.Second || strings.Contains(string(got), "\r\n0\r\n") {
		t.Errorf("after %s: %q", took, got)
	}
	eventually(t, "one failure", func() bool {
		_, cand := counts(rec)
		return cand.Failures == 1 && p.attempts(canary.Candidate, resultTimeout) == 1
	})
}

// The client leaves: the work upstream is cancelled, and nobody has failed.
func TestClientGone(t *testing.T) {
	for _, tc := range []struct{ name, head string }{
		{"before the answer", ""},
		{"in a stream", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cancelled := make(chan struct{})
			backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
				if _, _, ok := b.request(r); ok {
					_, _ = io.WriteString(conn, tc.head)
					_, _ = r.ReadByte() // ends when the proxy closes
					close(cancelled)
				}
			})
			p := startProxy(t, oneRoute(backend.url, backend.url))
			rec := p.give(canary.Full)
			conn := p.dial()
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			eventually(t, "the request is at the backend", func() bool { return len(backend.seen()) == 1 })
			_ = conn.Close()
			select {
			case <-cancelled:
			case <-time.After(30 * time.Second):
				t.Fatal("the backend works on")
			}
			eventually(t, "counted as gone, not as failed", func() bool {
				return p.attempts(canary.Candidate, resultGone) == 1 && p.inFlight.Load() == 0
			})
			if _, cand := counts(rec); cand.Requests != 0 {
				t.Errorf("recorded %+v", cand)
			}
			if p.table.Load().routes[0].arms[canary.Candidate].breaker.lost.Load() != 0 {
				t.Error("held against the arm")
			}
		})
	}
}

// A backend that refuses a large body early, without reading it, is heard.
func TestEarlyAnswer(t *testing.T) {
	for _, reads := range []bool{false, true} {
		backend := startRaw(t, func(_ *rawBackend, conn net.Conn, r *bufio.Reader) {
			for line := ""; line != "\r\n"; {
				var err error
				if line, err = r.ReadString('\n'); err != nil {
					return
				}
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
			if reads {
				_ = conn.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, r)
			} else {
				time.Sleep(300 * time.Millisecond)
			}
		})
		p := startProxy(t, oneRoute(backend.url, ""))
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url, strings.NewReader(strings.Repeat("x", 9<<20)))
		res, err := newHTTP(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != 413 || string(body) != "big" {
			t.Errorf("reads %v: got %d %q", reads, res.StatusCode, body)
		}
	}
}
