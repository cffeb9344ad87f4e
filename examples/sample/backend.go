package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// bodyLimit bounds a request's body, in bytes.
const bodyLimit = 1 << 20

// served is the version a backend serves, and how well it does.
type served struct {
	version   string
	errorRate float64       // share of predictions that fail with 500
	latency   time.Duration // before each prediction
}

// backend is one model server.
type backend struct {
	model, stage string
	now          atomic.Pointer[served]
	// reload gives the version to serve from now on; nil keeps the present one.
	reload func() *served
}

func newBackend(model, stage string, s served) *backend {
	b := &backend{model: model, stage: stage}
	b.now.Store(&s)
	return b
}

func (b *backend) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", b.health)
	mux.HandleFunc("POST /predict", b.predict)
	mux.HandleFunc("POST /reload", b.reloaded)
	mux.HandleFunc("POST /become", b.become)
	return mux
}

func (b *backend) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"status": "ok", "model": b.model, "stage": b.stage, "version": b.now.Load().version})
}

func (b *backend) predict(w http.ResponseWriter, r *http.Request) {
	s := b.now.Load()
	rows, err := features(r.Body)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
		return
	}
	select {
	case <-time.After(s.latency):
	case <-r.Context().Done():
		return
	}
	if rand.Float64() < s.errorRate {
		answer(w, http.StatusInternalServerError, map[string]any{"error": "version " + s.version + " cannot predict this"})
		return
	}
	predictions := make([]int, len(rows))
	for i, row := range rows {
		sum := 0.0
		for _, x := range row {
			sum += x
		}
		if sum > 0 {
			predictions[i] = 1
		}
	}
	answer(w, http.StatusOK, map[string]any{"predictions": predictions})
}

func (b *backend) reloaded(w http.ResponseWriter, r *http.Request) {
	if b.reload != nil {
		b.now.Store(b.reload())
	}
	b.health(w, r)
}

// become makes the backend serve another version:
// POST /become?version=3&error_rate=0.5&latency=300ms
func (b *backend) become(w http.ResponseWriter, r *http.Request) {
	next, err := wished(r.URL.Query().Get)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
		return
	}
	b.now.Store(&next)
	b.health(w, r)
}

func wished(get func(string) string) (s served, err error) {
	if s.version = get("version"); s.version == "" {
		return s, errors.New("version is missing")
	}
	if v := get("error_rate"); v != "" {
		if s.errorRate, err = strconv.ParseFloat(v, 64); err != nil || s.errorRate < 0 || s.errorRate > 1 {
			return s, fmt.Errorf("error_rate %q: wanted a number from 0 to 1", v)
		}
	}
	if v := get("latency"); v != "" {
		if s.latency, err = time.ParseDuration(v); err != nil || s.latency < 0 {
			return s, fmt.Errorf("latency %q: wanted a duration such as 300ms", v)
		}
	}
	return s, nil
}

// features reads {"features": [[numbers], …]}; the error says what is wrong.
func features(body io.Reader) ([][]float64, error) {
	data, err := io.ReadAll(io.LimitReader(body, bodyLimit+1))
	if err != nil || len(data) > bodyLimit {
		return nil, fmt.Errorf("the body cannot be read: at most %d bytes", bodyLimit)
	}
	var in struct {
		Features [][]float64 `json:"features"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf(`the body is not {"features": [[numbers], …]}: %w`, err)
	}
	if len(in.Features) == 0 {
		return nil, errors.New(`"features" is missing or empty: wanted a list of rows`)
	}
	return in.Features, nil
}

func answer(w http.ResponseWriter, code int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// A client that went away is not this server's trouble.
	_ = json.NewEncoder(w).Encode(body)
}
