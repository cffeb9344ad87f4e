package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
)

// planted is the secret that must never be seen again.
const planted = "s3cret-planted"

// running is a server with its log.
type running struct {
	*Server
	log  *lockedBuffer
	base string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func run(t *testing.T, c Config, b Backend) *running {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	log := &lockedBuffer{}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "headgate_here"}))
	s, err := New(c, b, Options{
		Log:     hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Trace}),
		Metrics: metrics,
		Now:     func() time.Time { return time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return &running{Server: s, log: log, base: "http://" + s.Addr().String()}
}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (a reply) problem(t *testing.T) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("not a problem document: %v: %q", err, a.body)
	}
	if got := a.header.Get("Content-Type"); got != ProblemType {
		t.Errorf("Content-Type %q", got)
	}
	if p.Status != a.status || p.Type == "" || p.Title == "" || p.Detail == "" || p.Code == "" {
		t.Errorf("incomplete problem, answered with %d: %s", a.status, a.body)
	}
	return p
}

// ask sends one request; header holds names and values in turn.
func (s *running) ask(t *testing.T, method, path, body string, header ...string) reply {
	t.Helper()
	r, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, string(raw)}
}

func TestProbesAndMetrics(t *testing.T) {
	f := &fake{}
	s := run(t, Config{}, f)
	for path, want := range map[string]string{
		"/healthz": `{"status":"ok"}`,
		"/readyz":  `{"status":"ready"}`,
		"/metrics": "headgate_here 0",
	} {
		a := s.ask(t, "GET", path, "")
		if a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %q, want %q", path, a.status, a.body, want)
		}
	}
}

func TestNotReadySaysWhy(t *testing.T) {
	s := run(t, Config{}, &fake{ready: errDraining{}})
	if p := s.ask(t, "GET", "/readyz", "").problem(t); p.Status != 503 || p.Detail != "draining" || p.Code != CodeNotReady {
		t.Errorf("%+v", p)
	}
}

type errDraining struct{}

func (errDraining) Error() string { return "draining" }

func TestEveryAnswerIsHardened(t *testing.T) {
	s := run(t, Config{}, &fake{})
	for _, path := range []string{"/healthz", "/metrics", "/api/v1/rollouts", "/api/v1/rollouts/none", "/nowhere", "/api/v1/rollouts/panic"} {
		h := s.ask(t, "GET", path, "").header
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestPublicBindNeedsTokens(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "example.com:8090"} {
		if s, err := New(Config{Listen: listen}, &fake{}, Options{}); err == nil || !strings.Contains(err.Error(), "tokens") {
			t.Errorf("%s: got %v", listen, err)
			if s != nil {
				_ = s.Shutdown(context.Background())
			}
		}
	}
	_, digest, err := NewToken(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Listen: "0.0.0.0:0", Tokens: []Token{{Name: "ops", Roles: []string{"admin"}, SHA256: digest}}}, &fake{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetTokens(nil); err == nil {
		t.Error("a public listener gave up its tokens")
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("the listener outlived a Shutdown without Serve")
	}
}

func TestShutdownWaitsForAnOrder(t *testing.T) {
	f := &fake{gate: make(chan struct{}), entered: make(chan struct{})}
	s := run(t, Config{}, f)
	got := make(chan reply, 1)
	go func() { got <- s.ask(t, "POST", "/api/v1/rollouts/churn-model/rollback", `{"reason":"x"}`) }()
	<-f.entered
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	close(f.gate)
	if a := <-got; a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}
