package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// sentHeader carries when the client sent a request, in nanoseconds on the
// harness's monotonic clock.
const sentHeader = "X-Kills-Sent"

// began is the zero of that clock.
var began = time.Now()

// since is t on the monotonic clock of the harness.
func since(t time.Time) time.Duration { return t.Sub(began) }

// backend is a model server: a version, a health answer, a reload hook, and
// failures on demand. Every prediction is written down with its times.
type backend struct {
	version  string
	listener net.Listener
	server   *http.Server
	served   sync.WaitGroup
	failing  atomic.Int64 // of 100 predictions, how many answer 500

	mu  sync.Mutex
	log []prediction
}

// prediction is one request that reached a backend.
type prediction struct {
	sent, arrived time.Duration
	failed        bool
}

func startBackend(version string) (*backend, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a backend: %w", err)
	}
	b := &backend{version: version, listener: l}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"status": "ok", "version": b.version}) // the prober may be gone
	})
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("POST /predict", b.predict)
	b.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	b.served.Go(func() { _ = b.server.Serve(l) }) // ends with stop
	return b, nil
}

func (b *backend) url() string { return "http://" + b.listener.Addr().String() }

func (b *backend) stop() {
	_ = b.server.Close() // nothing of it is kept
	b.served.Wait()
}

func (b *backend) predict(w http.ResponseWriter, r *http.Request) {
	arrived := since(time.Now())
	sent, _ := strconv.ParseInt(r.Header.Get(sentHeader), 10, 64) // 0 when missing: never taken for new
	_, _ = io.Copy(io.Discard, r.Body)
	b.mu.Lock()
	n := int64(len(b.log))
	failed := n*37%100 < b.failing.Load() // spread evenly: never 20 failures in a row
	b.log = append(b.log, prediction{time.Duration(sent), arrived, failed})
	b.mu.Unlock()
	if failed {
		http.Error(w, "no", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, `{"predictions":[1]}`)
}

// reset makes the backend healthy and forgets what it served.
func (b *backend) reset() {
	b.failing.Store(0)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = nil
}

func (b *backend) predictions() []prediction {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]prediction(nil), b.log...)
}
