package admin

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

func TestRecordingsAreListedByTime(t *testing.T) {
	s := run(t, Config{}, &fake{})
	for query, want := range map[string]int{
		"": 3, "?model=other": 0, "?model=churn-model": 3, "?from=2026-01-02T00:00:00Z": 2,
		"?from=2026-01-02T00:00:00Z&to=2026-01-02T12:00:00Z": 1,
	} {
		var list []Recording
		a := s.ask(t, "GET", "/api/v1/evidence"+query, "")
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list) != want || list == nil {
			t.Errorf("%q: %d of %d (%v): %s", query, len(list), want, err, a.body)
		}
	}
	if p := s.ask(t, "GET", "/api/v1/evidence?from=yesterday", "").problem(t); p.Status != 400 || !strings.Contains(p.Detail, "from has to be") {
		t.Errorf("%+v", p)
	}
}

func TestARecordingIsStreamed(t *testing.T) {
	s := run(t, Config{}, &fake{})
	a := s.ask(t, "GET", "/api/v1/evidence/churn-model/large", "")
	if a.status != 200 || len(a.body) != 3<<20 || a.header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%d, %d bytes of %s", a.status, len(a.body), a.header.Get("Content-Type"))
	}
	if p := s.ask(t, "GET", "/api/v1/evidence/churn-model/none", "").problem(t); p.Code != rollout.UnknownVersion || p.Status != 404 {
		t.Errorf("%+v", p)
	}
}

func TestARecordingThatCannotBeReadToItsEndBreaksOff(t *testing.T) {
	s := run(t, Config{}, &fake{})
	answer, err := lone.Get(s.base + "/api/v1/evidence/churn-model/cut")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if body, err := io.ReadAll(answer.Body); err == nil || strings.Contains(string(body), planted) {
		t.Errorf("%d bytes and no error", len(body))
	}
}

func TestRecordingsHaveOnlySoManyReaders(t *testing.T) {
	f := &fake{gate: make(chan struct{})}
	s := run(t, Config{}, f)
	var open []*http.Response
	for range mostReaders {
		answer, err := lone.Get(s.base + "/api/v1/evidence/churn-model/held")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, answer)
	}
	if p := s.ask(t, "GET", "/api/v1/evidence/churn-model/large", "").problem(t); p.Status != 503 {
		t.Errorf("%+v", p)
	}
	close(f.gate)
	for _, answer := range open {
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Error(err)
		}
		_ = answer.Body.Close()
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if a := s.ask(t, "GET", "/api/v1/evidence/churn-model/large", ""); a.status == 200 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the places were not given back")
		}
	}
}

// lone keeps no connection open.
var lone = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
