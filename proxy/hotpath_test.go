package proxy

import (
	"bufio"
	"net"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
)

const plainPOST = "POST /predict HTTP/1.1\r\nHost: churn.example\r\nUser-Agent: test\r\nX-User-Id: user-4711\r\nCookie: a=b; c=d\r\n" +
	"Content-Type: application/json\r\nContent-Length: 26\r\n\r\n{\"features\":[[0.1,0.2,0]]}"

const plainAnswer = "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"predictions\":1}"

// Beside what the sockets cost, a request allocates next to nothing.
func TestRequestsHardlyAllocate(t *testing.T) {
	if raceEnabled {
		return // the race detector allocates by itself
	}
	backend := startRaw(t, func(_ *rawBackend, conn net.Conn, r *bufio.Reader) {
		request, answer := make([]byte, 4096), []byte(plainAnswer)
		for {
			if _, err := r.Read(request); err != nil {
				return
			}
			if _, err := conn.Write(answer); err != nil {
				return
			}
		}
	})
	c := oneRoute(backend.url, backend.url)
	c.Routes[0].Key = Key{Header: "X-User-Id"}
	p := startProxy(t, c)
	p.give(5000)
	conn := p.dial()
	request, answer := []byte(plainPOST), make([]byte, 4096)
	round := func() {
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(answer); err != nil || statusOf(string(answer[:n])) != 200 {
			t.Fatalf("%q, %v", answer[:n], err)
		}
	}
	for range 100 {
		round()
	}
	// statusOf allocates in the test itself; measured alone it is subtracted.
	own := testing.AllocsPerRun(200, func() { statusOf(plainAnswer) })
	n := testing.AllocsPerRun(2000, round) - own
	t.Logf("%.2f allocations per request", n)
	if n > 3 {
		t.Errorf("%.1f allocations per request", n)
	}
}

func TestDrawingAnArmDoesNotAllocate(t *testing.T) {
	c := oneRoute("http://127.0.0.1:1", "http://127.0.0.1:2")
	c.Routes[0].Key = Key{Header: "X-User-Id", Cookie: "c"}
	c.SetDefaults()
	m := newMetrics(prometheus.NewRegistry(), func() float64 { return 0 }, func() float64 { return 0 })
	arms := [2]*arm{{breaker: newBreaker(model, canary.Baseline)}, {breaker: newBreaker(model, canary.Candidate)}}
	split := canary.NewSplit(canary.Salt{1}, 5000)
	rec := kpi.NewRecorder(kpi.NewLayout(), kpi.Config{})
	table := newTable(c, m, []*route{newRoute(c.Routes[0], m, arms, Assignment{Split: split, Recorder: rec})})
	x := &client{}
	head := []byte(plainPOST[:len(plainPOST)-26])
	if n := testing.AllocsPerRun(500, func() {
		if r := x.head.parse(head); r != nil {
			t.Fatal(r.detail)
		}
		x.begin(table)
		x.draw = x.drawArm()
		x.outgoing = x.appendRequestHead(x.outgoing[:0], 26)
		x.note(x.draw.arm, resultOK)
		x.count(200)
	}); n > 0.1 {
		t.Errorf("%.2f allocations per request", n)
	}
}

func BenchmarkProxy(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: says("ok")} //nolint:gosec // a backend of this benchmark
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	c := oneRoute("http://"+l.Addr().String(), "")
	c.Listen = "127.0.0.1:0"
	p, err := New(c, Options{})
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve() }()
	conn, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	answer := make([]byte, 4096)
	for b.Loop() {
		if _, err := conn.Write([]byte(plainPOST)); err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Read(answer); err != nil {
			b.Fatal(err)
		}
	}
	_ = conn.Close()
	_ = p.Shutdown(b.Context())
	if err := <-served; err != nil {
		b.Error(err)
	}
	_ = s.Close()
	<-done
}
