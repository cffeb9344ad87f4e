package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// began is the zero of the one clock that backends and clients read.
var began = time.Now()

func now() time.Duration { return time.Since(began) }

const (
	slowHeader  = "X-Slow"           // how long this one answer takes
	checkHeader = "X-Headgate-Check" // set by Headgate on requests of its check
)

// A stream has so many events, one after the other.
const (
	events     = 20
	eventEvery = 100 * time.Millisecond
)

// said is what a colour answers, and each event of a stream: who it is, when the
// request arrived, and what was asked.
type said struct {
	Version string        `json:"version"`
	Arrived time.Duration `json:"arrived"`
	ID      string        `json:"id,omitempty"`
	Event   int           `json:"event,omitempty"` // from 1
}

// colour is a stand-in model server.
type colour struct {
	*httptest.Server
	version string
	takes   atomic.Int64 // nanoseconds that a prediction takes
	checked atomic.Int64 // when the last request of a check was answered, nanoseconds
	last    atomic.Int64 // when the last request of a user arrived, nanoseconds
	next    atomic.Pointer[chan struct{}]
}

func newColour(version string) *colour {
	c := &colour{version: version}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"status": "ok", "version": version}) // the prober may be gone
	})
	mux.HandleFunc("POST /predict", c.predict)
	mux.HandleFunc("GET /stream", c.stream)
	c.Server = httptest.NewServer(mux)
	return c
}

// nextUser is closed when the next request of a user arrives.
func (c *colour) nextUser() <-chan struct{} {
	arrived := make(chan struct{})
	c.next.Store(&arrived)
	return arrived
}

func (c *colour) predict(w http.ResponseWriter, r *http.Request) {
	arrived := now()
	check := r.Header.Get(checkHeader) != ""
	if !check {
		c.last.Store(int64(arrived))
		if waiting := c.next.Swap(nil); waiting != nil {
			close(*waiting)
		}
	}
	var asked struct {
		ID string `json:"id"`
	}
	body, err := io.ReadAll(r.Body)
	if err := errors.Join(err, json.Unmarshal(body, &asked)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	takes, err := time.ParseDuration(r.Header.Get(slowHeader))
	if err != nil { // not asked for
		takes = time.Duration(c.takes.Load())
	}
	time.Sleep(takes)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(said{Version: c.version, Arrived: arrived, ID: asked.ID}) // the client may be gone
	if check {
		c.checked.Store(int64(now()))
	}
}

func (c *colour) stream(w http.ResponseWriter, r *http.Request) {
	arrived := now()
	w.Header().Set("Content-Type", "text/event-stream")
	for i := 1; i <= events; i++ {
		data, err := json.Marshal(said{Version: c.version, Arrived: arrived, Event: i})
		if err != nil {
			return // cut: the client counts the events
		}
		fmt.Fprintf(w, "data: %s\n\n", data)
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(eventEvery):
		}
	}
}
