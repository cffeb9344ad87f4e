package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load sends requests on n keep-alive connections until stop is closed, and
// returns how many were answered and what went wrong.
func load(t *testing.T, n int, url func() string, stop <-chan struct{}, check func(*http.Response, string) error) (answered int64, failed []error) {
	t.Helper()
	var total atomic.Int64
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			client := newHTTP(t)
			for {
				select {
				case <-stop:
					return
				default:
				}
				// POST: Go's client does not send it again by itself.
				req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, url(), onlyReader{strings.NewReader("body")})
				res, err := client.Do(req)
				if err == nil {
					var body []byte
					body, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
					if err == nil {
						err = check(res, string(body))
					}
				}
				if err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
					if errors.Is(err, errShut) {
						return
					}
				}
				total.Add(1)
			}
		})
	}
	wait.Wait()
	return total.Load(), failed
}

var errShut = errors.New("the proxy is closed")

// Under load nothing is lost: every client is told to close its connection and
// comes back to the next process, here a second proxy.
func TestDrainLosesNothing(t *testing.T) {
	backend := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(2 * time.Millisecond)
		says("ok")(w, r)
	})
	c := oneRoute(backend, "")
	c.Timeouts.Drain = 200 * time.Millisecond
	next := startProxy(t, c)
	c.Listen = "127.0.0.1:0"
	old, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- old.Serve() }()
	var target atomic.Pointer[string]
	oldURL := "http://" + old.Addr().String()
	target.Store(&oldURL)
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		time.Sleep(200 * time.Millisecond)
		time.AfterFunc(50*time.Millisecond, func() { target.Store(&next.url) }) // the balancer notices
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := old.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	}()
	answered, failed := load(t, 16, func() string { return *target.Load() }, stop, func(res *http.Response, body string) error {
		if res.StatusCode != 200 || body != "ok" {
			return fmt.Errorf("%d %q", res.StatusCode, body)
		}
		return nil
	})
	if len(failed) > 0 || answered < 100 {
		t.Errorf("%d of %d lost: %v", len(failed), answered, failed[:min(3, len(failed))])
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := net.DialTimeout("tcp", old.Addr().String(), time.Second); err == nil {
		t.Error("it still listens")
	}
}

func TestShutdownWaitsForRequestsInFlight(t *testing.T) {
	began := make(chan struct{})
	backend := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		close(began)
		time.Sleep(400 * time.Millisecond)
		says("late")(w, r)
	})
	p := startProxy(t, oneRoute(backend, ""))
	idle := p.dial() // has sent nothing, and is not waited for
	got := make(chan string, 1)
	go func() {
		res, body := get(t, newHTTP(t), p.url)
		got <- fmt.Sprint(res.StatusCode, body)
	}()
	<-began
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answer := <-got; answer != "200late" {
		t.Errorf("got %s", answer)
	}
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the idle connection: %v", err)
	}
	if err := p.Reload(oneRoute(backend, "")); err == nil {
		t.Error("a reload after the end was taken")
	}
}

func TestShutdownHasAnEnd(t *testing.T) {
	hang := make(chan struct{})
	began := make(chan struct{})
	backend := startBackend(t, func(http.ResponseWriter, *http.Request) {
		close(began)
		<-hang
	})
	t.Cleanup(func() { close(hang) })
	p := startProxy(t, oneRoute(backend, ""))
	conn := p.dial()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

func TestNewWithoutServe(t *testing.T) {
	c := oneRoute(refusing(t), "")
	c.Listen = "127.0.0.1:0"
	p, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if err := p.Serve(); err != nil {
		t.Errorf("serve behind it: %v", err)
	}
}
