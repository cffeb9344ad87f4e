package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
)

const model = "churn-model"

// running is a proxy under test.
type running struct {
	*Proxy
	t        *testing.T
	url      string
	registry *prometheus.Registry
}

// startProxy serves c on a free port until the test ends.
func startProxy(t *testing.T, c Config) *running {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	r := &running{t: t, registry: prometheus.NewRegistry()}
	p, err := New(c, Options{Metrics: r.registry})
	if err != nil {
		t.Fatal(err)
	}
	r.Proxy, r.url = p, "http://"+p.Addr().String()
	served := make(chan error, 1)
	go func() { served <- p.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = p.Shutdown(ctx) // some tests leave clients hanging on purpose
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return r
}

// oneRoute is a configuration with one route that ends quickly.
func oneRoute(baseline, candidate string) Config {
	r := Route{Name: "churn", Model: model, Baseline: &ArmConfig{Upstreams: []string{baseline}}}
	if candidate != "" {
		r.Candidate = &ArmConfig{Upstreams: []string{candidate}}
	}
	return Config{Timeouts: Timeouts{Drain: time.Millisecond}, Routes: []Route{r}}
}

// give assigns a weight and returns the recorder of it.
func (r *running) give(w canary.Weight) *kpi.Recorder {
	rec := kpi.NewRecorder(kpi.NewLayout(), kpi.Config{})
	r.Assign(model, Assignment{Split: canary.NewSplit(canary.Salt{1, 2, 3}, w), Recorder: rec})
	return rec
}

func counts(rec *kpi.Recorder) (baseline, candidate kpi.Counts) {
	return rec.Snapshot().Since(kpi.NewRecorder(rec.Layout(), kpi.Config{}).Snapshot())
}

// attempts reads headgate_attempts_total.
func (r *running) attempts(arm canary.Arm, result result) int {
	return counted(r.t, r.metrics.attempts.WithLabelValues("churn", arm.String(), result.String()))
}

// counted reads a counter or a gauge.
func counted(t *testing.T, m prometheus.Metric) int {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return int(out.GetCounter().GetValue() + out.GetGauge().GetValue())
}

// startBackend is a real HTTP server.
func startBackend(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends with ErrServerClosed
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// says is a backend that answers with its name.
func says(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, name)
	}
}

// rawBackend gives every connection to serve and keeps count of them.
type rawBackend struct {
	url   string
	mu    sync.Mutex
	heads []string // as they arrived
}

func startRaw(t *testing.T, serve func(b *rawBackend, conn net.Conn, r *bufio.Reader)) *rawBackend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &rawBackend{url: "http://" + l.Addr().String()}
	var all sync.WaitGroup
	conns := map[net.Conn]bool{}
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			conns[conn] = true
			b.mu.Unlock()
			all.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(b, conn, bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		b.mu.Lock()
		for conn := range conns {
			_ = conn.Close()
		}
		b.mu.Unlock()
		all.Wait()
	})
	return b
}

// request reads a head and a body with Content-Length.
func (b *rawBackend) request(r *bufio.Reader) (head, body string, ok bool) {
	var text strings.Builder
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", "", false
		}
		text.WriteString(line)
		_, _ = fmt.Sscanf(strings.ToLower(line), "content-length: %d", &length)
		if line == "\r\n" {
			break
		}
	}
	buf := make([]byte, length)
	if _, err := io.ReadFull(r, buf); err != nil {
		return "", "", false
	}
	b.mu.Lock()
	b.heads = append(b.heads, text.String())
	b.mu.Unlock()
	return text.String(), string(buf), true
}

func (b *rawBackend) seen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.heads...)
}

// answering answers every request with the same bytes and keeps the
// connection.
func answering(answer string) func(*rawBackend, net.Conn, *bufio.Reader) {
	return func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
		for {
			if _, _, ok := b.request(r); !ok {
				return
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// dial opens a client's connection.
func (r *running) dial() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// send sends bytes on a connection of their own, which it half closes, and
// reads until the proxy closes it.
func (r *running) send(raw string) string {
	r.t.Helper()
	conn := r.dial()
	if _, err := io.WriteString(conn, raw); err != nil {
		r.t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	_ = conn.Close()
	return string(answer)
}

// statusOf is the status of a raw answer, 0 without one.
func statusOf(answer string) (status int) {
	_, _ = fmt.Sscanf(answer, "HTTP/1.1 %d", &status)
	return status
}

// newHTTP is a client with connections of its own.
func newHTTP(t *testing.T) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// get makes a request and returns the answer with its body read.
func get(t *testing.T, client *http.Client, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	req.Host = req.Header.Get("Host") // none: the URL's
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// eventually waits for something that other goroutines do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	const within = 30 * time.Second // the machine may be busy
	for end := time.Now().Add(within); ; time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}
