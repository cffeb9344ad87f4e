package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

func TestTheIdleColourIsAskedAsThePlanSays(t *testing.T) {
	var asked, failFrom atomic.Int32
	failFrom.Store(100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 64)
		n, _ := r.Body.Read(body)
		if r.Method != http.MethodPost || r.URL.Path != "/predict" || r.Header.Get("Content-Type") != "application/json" || string(body[:n]) != `{"x": 1}` || r.Header.Get(checkHeader) == "" {
			t.Errorf("asked %s %s with %q", r.Method, r.URL, body[:n])
		}
		if asked.Add(1) >= failFrom.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	w := newWarmer(nil)
	c := rollout.Check{Requests: 5, Method: "POST", Path: "/predict", Body: `{"x": 1}`, Type: "application/json", Timeout: 5 * time.Second}
	if n, err := w.all(t.Context(), c, []string{s.URL, s.URL + "/"}); n != 10 || err != nil {
		t.Errorf("answered %d, %v", n, err)
	}
	failFrom.Store(13)
	n, err := w.all(t.Context(), c, []string{s.URL, s.URL})
	if n != 2 || err == nil || !strings.Contains(err.Error(), "request 3 of 5 to "+s.URL+": POST /predict answered 503") {
		t.Errorf("answered %d, %v", n, err)
	}
	if _, err := w.all(t.Context(), c, nil); err == nil {
		t.Error("a candidate without upstreams is ready")
	}
	s.Close()
	if _, err := w.all(t.Context(), c, []string{s.URL}); err == nil {
		t.Error("a candidate that is down is ready")
	}
}
