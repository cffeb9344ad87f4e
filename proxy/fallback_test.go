package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/freeport"
)

// refusing is an address at which nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	address, err := freeport.TakeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + address
}

// A candidate that refuses connections costs no user an answer. Every attempt
// is one failure of the candidate, and the answers that rescued are evidence
// for nobody.
func TestFallback(t *testing.T) {
	candidate, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := oneRoute(startBackend(t, says("baseline")), "http://"+candidate.Addr().String())
	c.Routes[0].Force = &Force{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	p := startProxy(t, c)
	rec := p.give(canary.Full)
	eventually(t, "the candidate is up", func() bool { return p.Health(model).Candidate.Up == 1 })
	_ = candidate.Close()
	client := newHTTP(t)
	for i := range 30 {
		if res, body := get(t, client, p.url); res.StatusCode != 200 || body != "baseline" {
			t.Fatalf("request %d: %d %s", i, res.StatusCode, body)
		}
	}
	base, cand := counts(rec)
	failed := p.attempts(canary.Candidate, resultUnreachable)
	if base.Requests != 0 || cand.Requests != uint64(failed) || cand.Failures != uint64(failed) || failed == 0 {
		t.Errorf("recorded %d and %d, %d failed, of %d attempts", base.Requests, cand.Requests, cand.Failures, failed)
	}
	if n := counted(t, p.metrics.fallbacks.WithLabelValues("churn")); n != failed {
		t.Errorf("%d fallbacks of %d failed attempts", n, failed)
	}
	if failed > breakerLost {
		t.Errorf("%d attempts on a dead candidate: the breaker opens at %d", failed, breakerLost)
	}
	if !p.Health(model).Candidate.Breaker.Open {
		t.Error("the breaker is closed")
	}
	// A tester who asks for the candidate gets the truth.
	if res, _ := get(t, client, p.url, DefaultForceHeader, "candidate"); res.StatusCode != 502 {
		t.Errorf("forced: got %d", res.StatusCode)
	}
}

// What was sent is never sent again, neither there nor to the other arm.
func TestNothingIsSentTwice(t *testing.T) {
	for name, answer := range map[string]func(conn net.Conn, hang chan struct{}){
		"hangs":            func(_ net.Conn, hang chan struct{}) { <-hang },
		"closes":           func(net.Conn, chan struct{}) {},
		"closes in a head": func(conn net.Conn, _ chan struct{}) { _, _ = io.WriteString(conn, "HTTP/1.1 2") },
		"resets":           func(conn net.Conn, _ chan struct{}) { _ = conn.(*net.TCPConn).SetLinger(0) },
	} {
		t.Run(name, func(t *testing.T) {
			hang := make(chan struct{})
			count := func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
				if _, _, ok := b.request(r); ok {
					answer(conn, hang)
				}
			}
			baseline, candidate := startRaw(t, count), startRaw(t, count)
			t.Cleanup(func() { close(hang) })
			c := oneRoute(baseline.url, candidate.url)
			c.Routes[0].Timeout = 200 * time.Millisecond
			p := startProxy(t, c)
			rec := p.give(canary.Full)
			for _, method := range []string{"GET", "PUT"} {
				req, _ := http.NewRequestWithContext(t.Context(), method, p.url, http.NoBody)
				res, err := newHTTP(t).Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if want := map[bool]int{true: 504, false: 502}[name == "hangs"]; res.StatusCode != want {
					t.Errorf("%s: got %d", method, res.StatusCode)
				}
			}
			if b, cand := len(baseline.seen()), len(candidate.seen()); b != 0 || cand != 2 {
				t.Errorf("the baseline was sent %d, the candidate %d requests; wanted 0 and 2", b, cand)
			}
			if _, cand := counts(rec); cand.Failures != 2 {
				t.Errorf("%d failures recorded", cand.Failures)
			}
		})
	}
}

func TestWhatCountsAsFailed(t *testing.T) {
	status := 200
	c := oneRoute(startBackend(t, says("baseline")), startBackend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	p := startProxy(t, c)
	for _, tc := range []struct {
		status int
		failed uint64
	}{{200, 0}, {204, 0}, {301, 0}, {400, 0}, {404, 0}, {429, 0}, {500, 1}, {503, 1}, {599, 1}} {
		status = tc.status
		rec := p.give(canary.Full)
		client := newHTTP(t)
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if res, _ := get(t, client, p.url); res.StatusCode != tc.status {
			t.Errorf("%d became %d", tc.status, res.StatusCode)
		}
		if _, cand := counts(rec); cand.Requests != 1 || cand.Failures != tc.failed {
			t.Errorf("%d: recorded %d, %d of them failed", tc.status, cand.Requests, cand.Failures)
		}
		if n := counted(t, p.metrics.requests.WithLabelValues("churn", "candidate", fmt.Sprint(tc.status))); n != 1 {
			t.Errorf("%d: counted %d", tc.status, n)
		}
	}
}
