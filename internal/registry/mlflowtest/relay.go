package mlflowtest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// Call is one call on its way through a Relay; N counts from 1.
type Call struct {
	N            int
	Method, Path string
	Status       int // of the answer, 0 before it
}

// Fate is what a hook does with a call or an answer.
type Fate uint8

// The fates.
const (
	Pass Fate = iota
	Lose      // cut the connection: the caller never learns what happened
	Deny      // answer 503 in MLflow's place
)

// Relay stands in front of a server and does to its calls what networks and
// operators do. Hooks run on the call's own goroutine and may sleep or kill.
type Relay struct {
	URL string

	server *http.Server
	target *url.URL
	done   chan struct{}

	mu       sync.Mutex
	calls    int
	down     bool
	delay    time.Duration
	onCall   func(Call) Fate
	onAnswer func(Call) Fate
}

// NewRelay listens on a free port of 127.0.0.1 and passes everything on to the
// server at target. The caller has to Close it.
func NewRelay(target string) (*Relay, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{URL: "http://" + l.Addr().String(), target: u, done: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(p *httputil.ProxyRequest) { p.SetURL(u) },
		Transport:      &http.Transport{DisableKeepAlives: true},
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ModifyResponse: r.answer,
	}
	r.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serve(proxy, w, req) }), ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(r.done)
		_ = r.server.Serve(l) // ends with Close
	}()
	return r, nil
}

// Close ends the relay and cuts what is under way.
func (r *Relay) Close() {
	_ = r.server.Close() // the listener is all it can complain about
	<-r.done
}

// OnCall is asked before each call reaches the server; nil passes all.
func (r *Relay) OnCall(hook func(Call) Fate) { r.mu.Lock(); defer r.mu.Unlock(); r.onCall = hook }

// OnAnswer is asked before each answer reaches the caller; nil passes all.
func (r *Relay) OnAnswer(hook func(Call) Fate) { r.mu.Lock(); defer r.mu.Unlock(); r.onAnswer = hook }

// Delay holds every call back before it reaches the server.
func (r *Relay) Delay(d time.Duration) { r.mu.Lock(); defer r.mu.Unlock(); r.delay = d }

// Down cuts every connection, as if nothing were there.
func (r *Relay) Down(down bool) { r.mu.Lock(); defer r.mu.Unlock(); r.down = down }

// Calls is how many calls have come.
func (r *Relay) Calls() int { r.mu.Lock(); defer r.mu.Unlock(); return r.calls }

type numbered struct{}

func withCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, numbered{}, c)
}

func callOf(ctx context.Context) Call {
	c, _ := ctx.Value(numbered{}).(Call)
	return c
}

func (r *Relay) serve(proxy http.Handler, w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.calls++
	c := Call{N: r.calls, Method: req.Method, Path: req.URL.Path}
	down, delay, hook := r.down, r.delay, r.onCall
	r.mu.Unlock()
	if down {
		panic(http.ErrAbortHandler) // net/http cuts the connection
	}
	select {
	case <-req.Context().Done():
		return
	case <-time.After(delay):
	}
	fate := Pass
	if hook != nil {
		fate = hook(c)
	}
	switch fate {
	case Pass:
		proxy.ServeHTTP(w, req.WithContext(withCall(req.Context(), c)))
	case Lose:
		panic(http.ErrAbortHandler)
	case Deny:
		http.Error(w, "the relay refuses", http.StatusServiceUnavailable)
	}
}

var errLost = errors.New("the answer was lost on purpose")

func (r *Relay) answer(resp *http.Response) error {
	c := callOf(resp.Request.Context())
	c.Status = resp.StatusCode
	r.mu.Lock()
	hook := r.onAnswer
	r.mu.Unlock()
	if hook != nil && hook(c) != Pass {
		return errLost
	}
	return nil
}
