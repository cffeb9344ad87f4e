package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// backend is a model server that can become slow.
type backend struct {
	*httptest.Server
	delay atomic.Int64 // nanoseconds before each answer
	last  atomic.Int64 // when a prediction was last asked for, Unix nanoseconds
	asked atomic.Int64
}

func newBackend(version string) *backend {
	b := &backend{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"status": "ok", "version": version}) // the prober may be gone
	})
	mux.HandleFunc("POST /predict", func(w http.ResponseWriter, r *http.Request) {
		b.last.Store(time.Now().UnixNano())
		b.asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // what is asked does not matter here
		time.Sleep(time.Duration(b.delay.Load()))
		_, _ = io.WriteString(w, `{"predictions":[1]}`)
	})
	b.Server = httptest.NewServer(mux)
	return b
}
