package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A backend that closes idle connections early loses nobody's POST.
func TestStaleKeepAlive(t *testing.T) {
	backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
		for {
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // its keep-alive time
			if _, _, ok := b.request(r); !ok {
				return
			}
			_, _ = io.WriteString(conn, okAnswer)
		}
	})
	p := startProxy(t, oneRoute(backend.url, ""))
	client := newHTTP(t)
	const requests = 16
	for i := range requests {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url, strings.NewReader("body"))
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("request %d: %d", i, res.StatusCode)
		}
		time.Sleep(time.Duration(30+i%3*10) * time.Millisecond)
	}
	if n := len(backend.seen()); n != requests {
		t.Errorf("%d of %d requests arrived", n, requests)
	}
}

// Stray bytes on an idle connection are nobody's answer.
func TestPoisonedConnection(t *testing.T) {
	poison := "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	for _, after := range []time.Duration{0, 20 * time.Millisecond} {
		backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
			for {
				if _, _, ok := b.request(r); !ok {
					return
				}
				if after == 0 {
					_, _ = io.WriteString(conn, okAnswer+poison)
					continue
				}
				_, _ = io.WriteString(conn, okAnswer)
				time.Sleep(after)
				_, _ = io.WriteString(conn, poison)
			}
		})
		p := startProxy(t, oneRoute(backend.url, ""))
		for range 5 {
			if _, body := get(t, newHTTP(t), p.url); body != "ok" {
				t.Errorf("got %q", body)
			}
			time.Sleep(3 * after)
		}
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	conns := make(chan struct{}, 100)
	backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
		conns <- struct{}{}
		answering(okAnswer)(b, conn, r)
	})
	c := oneRoute(backend.url, "")
	c.Upstream.Idle = 300 * time.Millisecond
	p := startProxy(t, c)
	eventually(t, "the first probe", func() bool { return p.Health(model).Baseline.Up == 1 && len(conns) == 1 })
	for range 20 {
		get(t, newHTTP(t), p.url)
	}
	if n := len(conns) - 1; n != 1 {
		t.Errorf("%d connections for 20 requests, one after the other", n)
	}
	pool := p.table.Load().routes[0].arms[0].upstreams[0].pool
	eventually(t, "idle connections are closed", func() bool {
		pool.mu.Lock()
		defer pool.mu.Unlock()
		return pool.open == 0 && len(pool.all) == 0
	})
}
