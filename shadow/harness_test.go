package shadow

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// fast is the configuration of most tests: short limits.
func fast() Config {
	return Config{Limits: Limits{Timeout: 2 * time.Second, Concurrency: 8}}
}

func startMirror(t *testing.T, c Config, to Targets, o Options) *Mirror {
	t.Helper()
	m, err := New("churn", c, to, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeMirror(t, m, 5*time.Second) })
	return m
}

func closeMirror(t *testing.T, m *Mirror, within time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	m.Close(ctx)
}

func backend(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// answers is a backend that always says the same.
func answers(t *testing.T, status int, contentType, body string) string {
	t.Helper()
	return backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// raw is a backend that gets every connection as it is.
func raw(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			all.Go(func() {
				serve(conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return "http://" + l.Addr().String()
}

func head(id string, more ...string) []byte {
	text := "POST /predict HTTP/1.1\r\nHost: churn.example\r\nContent-Type: application/json\r\n"
	for _, line := range more {
		text += line + "\r\n"
	}
	return []byte(text + "X-Request-Id: " + id + "\r\n\r\n")
}

const jsonType = "application/json"

// pass mirrors one request as the data plane would.
func pass(m *Mirror, id, request, answer string) bool {
	return passed(m, head(id), request, Live{Status: 200, Latency: time.Millisecond}, answer)
}

func passed(m *Mirror, head []byte, request string, live Live, answer string) bool {
	return typed(m, jsonType, head, request, live, answer)
}

func typed(m *Mirror, contentType string, head []byte, request string, live Live, answer string) bool {
	if !m.Sample([]byte("POST"), []byte("/predict"), len(request), 0) {
		return false
	}
	c := m.Copy(head, []byte(request))
	c.Head([]byte(contentType), nil)
	c.Answer([]byte(answer))
	m.Offer(c, live)
	return c != nil
}

// rest waits until every copy has come to its end, and looks at the books.
func rest(t *testing.T, m *Mirror) Snapshot {
	t.Helper()
	var s Snapshot
	for begin := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		s = m.Snapshot()
		r := s.Requests
		if r.Offered == r.Sent+sum(r.Dropped) && r.Sent == r.Answered+sum(r.Failed) && r.Bytes == 0 {
			return s
		}
		if time.Since(begin) > 2*time.Minute { // 50,000 copies under -race on a busy machine
			t.Fatalf("the books are not closed: %+v", r)
		}
	}
}

func sum(by map[string]uint64) (n uint64) {
	for _, v := range by {
		n += v
	}
	return n
}

func numbered(i int) string { return fmt.Sprintf("request-%d", i) }
