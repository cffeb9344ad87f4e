package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// relay stands in front of MLflow and sees every call of one Headgate.
type relay struct {
	target   string // http://host:port
	client   *http.Client
	listener net.Listener
	server   *http.Server
	served   sync.WaitGroup

	mu      sync.Mutex
	seen    []seenCall // since the rollback began
	begun   bool
	trigger *trigger
	slow    chan struct{} // closed = answers come at once; nil likewise
	delay   time.Duration
}

// seenCall is one call of a rollback.
type seenCall struct{ method, path, body string }

// trigger kills at one call.
type trigger struct {
	call   int
	moment moment
	kill   func()
	// wait before the kill: after the answer, or, when the answer is withheld,
	// while MLflow works on the call.
	wait time.Duration
}

func startRelay(target string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	r := &relay{
		target: target, listener: l,
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 8, DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	r.server = &http.Server{Handler: http.HandlerFunc(r.handle), ReadHeaderTimeout: 10 * time.Second}
	r.served.Go(func() { _ = r.server.Serve(l) }) // ends with stop
	return r, nil
}

func (r *relay) url() string { return "http://" + r.listener.Addr().String() }

func (r *relay) stop() {
	r.fast()
	_ = r.server.Close() // nothing of it is kept
	r.served.Wait()
	r.client.CloseIdleConnections()
}

// reset forgets the rollback before, and arms the trigger of the next one.
func (r *relay) reset(t *trigger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen, r.begun, r.trigger = nil, false, t
}

// disarm takes the trigger away: what comes after the kill goes through.
func (r *relay) disarm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trigger = nil
}

// calls of the rollback so far.
func (r *relay) calls() []seenCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]seenCall(nil), r.seen...)
}

// slowDown makes every call wait before it is forwarded, until fast.
func (r *relay) slowDown(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay, r.slow = d, make(chan struct{})
}

// fast ends slowDown, for calls that wait as well.
func (r *relay) fast() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slow != nil {
		close(r.slow)
	}
	r.slow, r.delay = nil, 0
}

// note counts a call of the rollback; the trigger is returned when this is its.
func (r *relay) note(c seenCall) (t *trigger, slow <-chan struct{}, delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = r.begun || isFence(c)
	if r.begun {
		r.seen = append(r.seen, c)
	}
	if r.trigger != nil && r.begun && len(r.seen) == r.trigger.call {
		t, r.trigger = r.trigger, nil
	}
	return t, r.slow, r.delay
}

// isFence: the first call of every rollback.
func isFence(c seenCall) bool {
	return strings.HasSuffix(c.path, "/runs/log-parameter") && strings.Contains(c.body, `"headgate.rollback"`)
}

func (r *relay) handle(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the caller is gone
	}
	t, slow, delay := r.note(seenCall{req.Method, req.URL.Path, string(body)})
	if slow != nil {
		select {
		case <-slow:
		case <-req.Context().Done():
		case <-time.After(delay):
		}
	}
	switch {
	case t == nil:
		r.pass(w, req, body)
	case t.moment == before:
		t.kill()
		panic(http.ErrAbortHandler)
	case t.moment == withheld:
		r.withhold(req, body, t)
		panic(http.ErrAbortHandler)
	case t.moment == after:
		r.pass(w, req, body)
		_ = http.NewResponseController(w).Flush() // else it waits for the end of this function
		time.Sleep(t.wait)
		t.kill()
	}
}

// withhold forwards the call and kills while MLflow works on it, or after.
func (r *relay) withhold(req *http.Request, body []byte, t *trigger) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := r.forward(req, body); err == nil {
			_, _ = io.Copy(io.Discard, res.Body) // nobody is there to hear it
			_ = res.Body.Close()
		}
	}()
	select {
	case <-done:
	case <-time.After(t.wait):
	}
	t.kill()
	<-done
}

// forward does not end with the caller: MLflow would finish the call as well.
func (r *relay) forward(req *http.Request, body []byte) (*http.Response, error) {
	out, err := http.NewRequestWithContext(context.WithoutCancel(req.Context()), req.Method, r.target+req.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header = req.Header.Clone()
	return r.client.Do(out)
}

func (r *relay) pass(w http.ResponseWriter, req *http.Request, body []byte) {
	res, err := r.forward(req, body)
	if err != nil {
		panic(http.ErrAbortHandler) // MLflow is not there: neither are we
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range res.Header {
		if name != "Connection" && name != "Transfer-Encoding" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(answer) // the caller may be gone
}
