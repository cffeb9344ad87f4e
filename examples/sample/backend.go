package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/examples/sample/world"
)

// bodyLimit bounds a request's body, in bytes.
const bodyLimit = 1 << 20

// served is the version a backend serves, and how well it does.
type served struct {
	version   string
	errorRate float64       // share of predictions that fail with 500
	latency   time.Duration // before each prediction, the median
	jitter    float64       // of the latency's logarithm, as a standard deviation
	slower    float64       // factor on the latency; 0: none
	nan       float64       // share of predictions that are NaN, with 200
	model     world.Model
}

// takes draws the time of one prediction.
func (s *served) takes() time.Duration {
	d := float64(s.latency)
	if s.slower > 0 {
		d *= s.slower
	}
	if s.jitter > 0 {
		d *= math.Exp(s.jitter * rand.NormFloat64())
	}
	return time.Duration(d)
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
	asked, err := readQuestion(r.Body)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
		return
	}
	select {
	case <-time.After(s.takes()):
	case <-r.Context().Done():
		return
	}
	if rand.Float64() < s.errorRate {
		answer(w, http.StatusInternalServerError, map[string]any{"error": "version " + s.version + " cannot predict this"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.predictions(asked)) // a client that went away is not this server's trouble
}

// predictions is the answer for every row. encoding/json cannot write NaN, and
// MLflow's server does: a bare word that makes the answer no JSON.
func (s *served) predictions(asked question) []byte {
	draw := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	predictions, probabilities := []byte(`{"predictions":[`), []byte(`],"probabilities":[`)
	for i, row := range asked.Features {
		if i > 0 {
			predictions, probabilities = append(predictions, ','), append(probabilities, ',')
		}
		score := s.model.Score(row, asked.group(i), draw)
		switch {
		case s.nan > 0 && draw.Float64() < s.nan:
			predictions, probabilities = append(predictions, "NaN"...), append(probabilities, "NaN"...)
			continue
		case score >= 0.5:
			predictions = append(predictions, '1')
		default:
			predictions = append(predictions, '0')
		}
		probabilities = strconv.AppendFloat(probabilities, score, 'g', 6, 64)
	}
	return append(append(predictions, probabilities...), "]}\n"...)
}

func (b *backend) reloaded(w http.ResponseWriter, r *http.Request) {
	if b.reload != nil {
		b.now.Store(b.reload())
	}
	b.health(w, r)
}

// become makes the backend serve another version:
// POST /become?version=3&error_rate=0.5&latency=300ms&noise=1.8
func (b *backend) become(w http.ResponseWriter, r *http.Request) {
	next, err := wished(r.URL.Query())
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
		return
	}
	b.now.Store(&next)
	b.health(w, r)
}

// question is a request's body.
type question struct {
	Features [][]float64     `json:"features"`
	Group    json.RawMessage `json:"group"`
	one      string
	each     []string
}

// group of a row; "" without one.
func (q *question) group(i int) string {
	if i < len(q.each) {
		return q.each[i]
	}
	return q.one
}

// readQuestion reads {"features": [[numbers], …], "group": "b"}, with one group
// or one for each row; the error says what is wrong.
func readQuestion(body io.Reader) (q question, err error) {
	data, err := io.ReadAll(io.LimitReader(body, bodyLimit+1))
	if err != nil || len(data) > bodyLimit {
		return q, fmt.Errorf("the body cannot be read: at most %d bytes", bodyLimit)
	}
	if err := json.Unmarshal(data, &q); err != nil {
		return q, fmt.Errorf(`the body is not {"features": [[numbers], …]}: %w`, err)
	}
	if len(q.Features) == 0 {
		return q, errors.New(`"features" is missing or empty: wanted a list of rows`)
	}
	if q.Group != nil && json.Unmarshal(q.Group, &q.one) != nil && json.Unmarshal(q.Group, &q.each) != nil {
		return q, errors.New(`"group" is neither text nor a list of texts`)
	}
	return q, nil
}

func answer(w http.ResponseWriter, code int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// A client that went away is not this server's trouble.
	_ = json.NewEncoder(w).Encode(body)
}
