package proxy

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/canary"
)

func TestBreakerByRequests(t *testing.T) {
	times := func(n int, r result) (all []result) {
		for range n {
			all = append(all, r)
		}
		return all
	}
	join := func(parts ...[]result) (all []result) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	for _, tc := range []struct {
		name    string
		results []result
		open    bool
	}{
		{"nothing", nil, false},
		{"two lost", times(2, resultBroken), false},
		{"three lost", []result{resultBroken, resultTimeout, resultUnreachable}, true},
		{"three lost with an answer between", []result{resultBroken, resultTimeout, resultOK, resultBroken}, false},
		{"three lost with a 500 between", []result{resultBroken, resultTimeout, resultStatus, resultBroken}, false},
		{"three lost, clients gone between", []result{resultBroken, resultGone, resultTimeout, resultGone, resultBroken}, true},
		{"nineteen statuses", times(19, resultStatus), false},
		{"twenty statuses", times(20, resultStatus), true},
		{"twenty with one good", join(times(19, resultStatus), []result{resultOK}, times(19, resultStatus)), false},
		{"clients gone", times(50, resultGone), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBreaker(model, canary.Candidate)
			for _, r := range tc.results {
				b.observe(r)
			}
			if b.isOpen() != tc.open || b.snapshot().Open != tc.open {
				t.Errorf("open: %v, wanted %v (%s)", b.isOpen(), tc.open, b.snapshot().Reason)
			}
		})
	}
}

func TestBreakerCloses(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, tc := range []struct {
		name  string
		cause result
		after time.Duration
	}{
		{"unreachable: when probes pass", resultUnreachable, 0},
		{"timed out: a health answer proves nothing for 15 s", resultTimeout, breakerRest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBreaker(model, canary.Candidate)
			b.now = func() time.Time { return now }
			for range 3 {
				b.observe(tc.cause)
			}
			for range 3 {
				b.probed(true, now.Add(tc.after))
			}
			b.probed(false, now.Add(tc.after))
			for i := range 4 {
				if b.isOpen() != true {
					t.Fatalf("closed after %d passed probes in a row", i)
				}
				b.probed(true, now.Add(tc.after))
			}
			if b.isOpen() {
				t.Error("still open after 4 passed probes in a row")
			}
			if tc.after > 0 {
				for range 3 {
					b.observe(tc.cause)
				}
				for range 100 {
					b.probed(true, now.Add(breakerRest-1))
				}
				if !b.isOpen() {
					t.Error("probes closed it before its time")
				}
			}
		})
	}
}

// The candidate dies and comes back: its share goes to the baseline within a
// second of the second failed probe, with no request needed to find out.
func TestBreakerByProbes(t *testing.T) {
	var dead atomic.Bool
	candidate := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if dead.Load() && r.URL.Path == "/health" {
			w.WriteHeader(503)
			return
		}
		_, _ = w.Write([]byte(`{"version": 2}`))
	})
	c := oneRoute(startBackend(t, says("baseline")), candidate)
	c.Routes[0].Candidate.VersionFrom = &VersionFrom{Path: "/health", Field: "version"}
	changes := make(chan BreakerState, 10)
	c.Listen = "127.0.0.1:0"
	p, err := New(c, Options{Metrics: prometheus.NewRegistry(), OnBreaker: func(name string, b BreakerState) {
		if name == model && b.Arm == canary.Candidate {
			changes <- b
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown(t.Context()) })
	r := &running{Proxy: p, t: t}
	eventually(t, "the candidate is up", func() bool { return p.Health(model).Candidate.Up == 1 })
	r.give(canary.Full)
	dead.Store(true)
	select {
	case b := <-changes:
		if !b.Open || b.Reason == "" {
			t.Errorf("got %+v", b)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the breaker did not open")
	}
	if up := p.Health(model).Candidate; up.Up != 0 || up.Upstreams[0].Err == "" || !up.Breaker.Open {
		t.Errorf("health: %+v", up)
	}
	dead.Store(false)
	select {
	case b := <-changes:
		if b.Open {
			t.Errorf("got %+v", b)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the breaker did not close")
	}
}

func TestBreakerIsResetForAnotherRollout(t *testing.T) {
	c := oneRoute(startBackend(t, says("baseline")), startBackend(t, says("candidate")))
	p := startProxy(t, c)
	p.give(canary.Full)
	breaker := p.table.Load().routes[0].arms[canary.Candidate].breaker
	for range 20 {
		breaker.observe(resultStatus)
	}
	rec := p.give(canary.Full) // more of the same rollout
	if _, body := get(t, newHTTP(t), p.url); body != "baseline" || !p.Health(model).Candidate.Breaker.Open {
		t.Errorf("an open breaker let a request through to the %s", body)
	}
	if b, cand := counts(rec); b.Requests+cand.Requests != 0 {
		t.Error("requests that the breaker turned away were recorded")
	}
	p.give(0)
	p.give(5000)
	if p.Health(model).Candidate.Breaker.Open {
		t.Error("open at the start of another rollout")
	}
}
