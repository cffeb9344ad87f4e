package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
)

func TestBodyLimits(t *testing.T) {
	backend := startBackend(t, says("ok"))
	c := oneRoute(backend, "")
	c.Limits.Body = 1 * MiB
	small := c.Routes[0]
	small.Name, small.Model, small.Match.PathPrefix, small.MaxBody = "small", "", "/small", 100
	c.Routes = append(c.Routes, small)
	p := startProxy(t, c)
	client := newHTTP(t)
	post := func(path string, size int, chunked bool) int {
		var body io.Reader = strings.NewReader(strings.Repeat("a", size))
		if chunked {
			body = onlyReader{body}
		}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+path, body)
		res, err := client.Do(req)
		if err != nil {
			t.Fatalf("%s %d: %v", path, size, err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	for _, chunked := range []bool{false, true} {
		for _, tc := range []struct {
			path   string
			size   int
			status int
		}{{"/", 1 << 20, 200}, {"/", 1<<20 + 1, 413}, {"/small", 100, 200}, {"/small", 101, 413}, {"/smaller", 101, 200}, {"/small/x", 200 << 10, 413}} {
			if got := post(tc.path, tc.size, chunked); got != tc.status {
				t.Errorf("%s, %d bytes, chunked %v: got %d, wanted %d", tc.path, tc.size, chunked, got, tc.status)
			}
		}
	}
}

func TestSlowClientsAreCut(t *testing.T) {
	backend := startBackend(t, says("ok"))
	c := oneRoute(backend, "")
	c.Timeouts.Head, c.Timeouts.Body, c.Timeouts.Idle = 150*time.Millisecond, 150*time.Millisecond, 300*time.Millisecond
	p := startProxy(t, c)
	for _, tc := range []struct {
		name, sent string
		status     int
		after      time.Duration
	}{
		{"nothing is sent", "", 0, 300 * time.Millisecond},
		{"HTTP/0.9, without waiting", "GET /\r\n", 400, 0},
		{"another protocol, without waiting", "\x16\x03\x01\x02", 400, 0},
		{"half a head", "GET / HTTP/1.1\r\nHo", 408, 150 * time.Millisecond},
		{"half a body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc", 408, 150 * time.Millisecond},
		{"half a chunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 408, 150 * time.Millisecond},
		{"idle after a request", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200, 300 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			conn := p.dial()
			_, _ = io.WriteString(conn, tc.sent)
			began := time.Now()
			answer, err := io.ReadAll(conn)
			if took := time.Since(began); err != nil || took < tc.after-20*time.Millisecond || took > tc.after+20*time.Second {
				t.Errorf("cut after %s (%v), wanted %s", took, err, tc.after)
			}
			if got := statusOf(string(answer)); got != tc.status {
				t.Errorf("got %q", answer)
			}
		})
	}
}

func TestTooManyInFlight(t *testing.T) {
	release := make(chan struct{})
	backend := startBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = io.WriteString(w, "ok")
	})
	c := oneRoute(backend, "")
	c.Limits.InFlight = 2
	p := startProxy(t, c)
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() { get(t, newHTTP(t), p.url) })
	}
	eventually(t, "two requests in flight", func() bool { return p.inFlight.Load() == 2 })
	res, _ := get(t, newHTTP(t), p.url)
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	close(release)
	wait.Wait()
	eventually(t, "the places are free again", func() bool { return p.inFlight.Load() == 0 })
}

func TestUpstreamConnectionsAreBounded(t *testing.T) {
	release := make(chan struct{})
	backend := startBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = io.WriteString(w, "ok")
	})
	c := oneRoute(backend, "")
	c.Upstream.Connections, c.Upstream.Wait = 1, 100*time.Millisecond
	p := startProxy(t, c)
	first := make(chan struct{})
	go func() { defer close(first); get(t, newHTTP(t), p.url) }()
	eventually(t, "a request in flight", func() bool { return p.inFlight.Load() == 1 })
	res, _ := get(t, newHTTP(t), p.url)
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || p.attempts(canary.Baseline, resultFull) != 1 {
		t.Errorf("got %d", res.StatusCode)
	}
	second := make(chan struct{})
	go func() { defer close(second); get(t, newHTTP(t), p.url) }() // waits, and gets the connection
	time.Sleep(20 * time.Millisecond)
	close(release)
	<-first
	<-second
	if n := p.attempts(canary.Baseline, resultOK); n != 2 {
		t.Errorf("%d attempts succeeded", n)
	}
}

func TestTimeout(t *testing.T) {
	for name, answer := range map[string]string{
		"no answer":   "",
		"half a head": "HTTP/1.1 200 OK\r\n",
		"half a body": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hang := make(chan struct{})
			backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
				if _, _, ok := b.request(r); ok {
					_, _ = io.WriteString(conn, answer)
					<-hang
				}
			})
			t.Cleanup(func() { close(hang) })
			c := oneRoute(backend.url, "")
			c.Routes[0].Timeout = 300 * time.Millisecond
			p := startProxy(t, c)
			rec := p.give(0)
			client, late := newHTTP(t), time.Duration(0)
			const tries = 20 // the machine may be busy; once must be in time
			for try := range tries {
				began := time.Now()
				res, _ := get(t, client, p.url)
				if late = time.Since(began) - 300*time.Millisecond; res.StatusCode != 504 || late < 0 {
					t.Fatalf("got %d, late by %s", res.StatusCode, late)
				}
				if n := len(backend.seen()); n != try+1 {
					t.Errorf("%d requests became %d", try+1, n)
				}
				if p.attempts(canary.Baseline, resultTimeout) != try+1 || p.inFlight.Load() != 0 {
					t.Error("the timeout was not counted, or its slot not freed")
				}
				if late < 100*time.Millisecond {
					break
				}
			}
			if late > 100*time.Millisecond {
				t.Errorf("late by %s", late)
			}
			if b, _ := counts(rec); b.Failures != 0 {
				t.Error("a route without a candidate recorded")
			}
		})
	}
}
