package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// relayed is a relay in front of a server that counts.
func relayed(t *testing.T) (r *relay, reached *atomic.Int64) {
	t.Helper()
	reached = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		reached.Add(1)
		body, _ := io.ReadAll(req.Body)
		w.Header().Set("X-Echo", req.URL.RawQuery)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	r, err := startRelay(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r, reached
}

func post(t *testing.T, r *relay, path, body string) (int, string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := client.Post(r.url()+path, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text) + res.Header.Get("X-Echo"), err
}

const fencePath = "/api/2.0/mlflow/runs/log-parameter"

func TestRelayKillsAtItsCallOfTheRollback(t *testing.T) {
	for _, c := range []struct {
		moment   moment
		answered bool
		reached  int64 // calls that got through to the server
	}{{before, false, 2}, {withheld, false, 3}, {after, true, 3}} {
		t.Run(c.moment.String(), func(t *testing.T) {
			r, reached := relayed(t)
			var killed atomic.Int64
			r.reset(&trigger{call: 2, moment: c.moment, wait: time.Millisecond, kill: func() { killed.Add(1) }})
			if code, text, err := post(t, r, "/before?a=b", "x"); code != http.StatusAccepted || text != "xa=b" || err != nil {
				t.Fatalf("a call before the rollback: %d %q %v", code, text, err)
			}
			if _, _, err := post(t, r, fencePath, `{"key":"headgate.rollback"}`); err != nil || killed.Load() != 0 {
				t.Fatalf("the first call: %v, killed %d", err, killed.Load())
			}
			_, text, err := post(t, r, "/second", "y")
			if answered := err == nil && text == "y"; answered != c.answered {
				t.Errorf("answered %v (%q, %v), want %v", answered, text, err, c.answered)
			}
			for end := time.Now().Add(5 * time.Second); killed.Load() == 0 && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			if killed.Load() != 1 || reached.Load() != c.reached {
				t.Errorf("killed %d times, %d calls got through, want 1 and %d", killed.Load(), reached.Load(), c.reached)
			}
			if _, _, err := post(t, r, "/third", "z"); err != nil || killed.Load() != 1 {
				t.Errorf("after the kill: %v, killed %d", err, killed.Load())
			}
		})
	}
}

func TestRelayAnswersLateUntilToldOtherwise(t *testing.T) {
	r, _ := relayed(t)
	r.slowDown(time.Minute)
	done := make(chan error, 1)
	go func() {
		_, _, err := post(t, r, "/x", "x")
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("answered at once: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	r.fast()
	if err := <-done; err != nil {
		t.Errorf("a call that waited: %v", err)
	}
}
