package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/shadow"
)

// mirroring gives all users to the baseline and copies of a share to the
// candidate.
func (r *running) mirroring(share canary.Weight, c kpi.Config) *kpi.Recorder {
	rec := kpi.NewRecorder(kpi.NewLayout(), c)
	r.Assign(model, Assignment{Split: canary.NewSplit(canary.Salt{1, 2, 3}, 0), Recorder: rec, Shadow: share})
	return rec
}

// mirrored waits until every copy has ended.
func (r *running) mirrored() shadow.Snapshot {
	r.t.Helper()
	var s shadow.Snapshot
	eventually(r.t, "every copy has ended", func() bool {
		s = r.Shadow(model).Snapshot()
		n := s.Requests.Sent
		for _, dropped := range s.Requests.Dropped {
			n += dropped
		}
		ended := s.Requests.Answered
		for _, failed := range s.Requests.Failed {
			ended += failed
		}
		return s.Requests.Offered == n && s.Requests.Sent == ended && s.Requests.Bytes == 0
	})
	return s
}

const predictHead = "POST /predict HTTP/1.1\r\nHost: churn.example\r\nX-Request-Id: req-1\r\nX-User-Id: u\r\nX-Headgate-Shadow: 0\r\nAuthorization: Bearer t\r\n" +
	"Content-Type: application/json\r\nContent-Length: 18\r\n\r\n"

const predictBody = `{"features":[[1]]}`

func TestCopiesAreWhatTheLiveUpstreamGot(t *testing.T) {
	live, copies := startRaw(t, answering(plainAnswer)), startRaw(t, answering(plainAnswer))
	p := startProxy(t, oneRoute(live.url, copies.url))
	p.mirroring(canary.Full, kpi.Config{})
	if status := statusOf(p.send(predictHead + predictBody)); status != 200 {
		t.Fatalf("status %d", status)
	}
	s := p.mirrored()
	if s.Requests.Sent != 1 || s.Requests.Answered != 1 || s.Compared.Agreed != 1 {
		t.Fatalf("%+v %+v", s.Requests, s.Compared)
	}
	lines := strings.Split(strings.TrimSpace(live.seen()[0]), "\r\n")
	got := copies.seen()[0]
	for _, line := range append(lines, "X-Headgate-Shadow: 1", "X-Request-Id: req-1") {
		if strings.Count("\r\n"+got, "\r\n"+line+"\r\n") != 1 {
			t.Errorf("the copy's head has not one %q:\n%s", line, got)
		}
	}
	if n := strings.Count(got, "\r\n"); n != len(lines)+2 {
		t.Errorf("%d lines in the copy, %d in the live request:\n%s", n, len(lines), got)
	}
	if n := counted(t, p.metrics.requests.WithLabelValues("churn", "shadow", "200")); n != 1 {
		t.Errorf("%d requests of the arm shadow", n)
	}
	if n := counted(t, p.metrics.attempts.WithLabelValues("churn", "shadow", "ok")); n != 1 {
		t.Errorf("%d attempts of the arm shadow", n)
	}
	if n := p.attempts(canary.Candidate, resultOK); n != 0 {
		t.Errorf("%d attempts of the candidate", n)
	}
}

// What is not to be mirrored is not: forced requests, those of another method or
// path, and all of them when the share is 0 or the model has no step that asks.
func TestWhatIsNotMirrored(t *testing.T) {
	backend := startBackend(t, says("x"))
	c := oneRoute(backend, backend)
	c.Routes[0].Force = &Force{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	p := startProxy(t, c)
	client := newHTTP(t)
	get(t, client, p.url) // before any assignment
	if p.Shadow(model) != nil {
		t.Error("a mirror before anybody asked for copies")
	}
	p.mirroring(canary.Full, kpi.Config{})
	get(t, client, p.url, "X-Headgate-Force", "baseline")
	get(t, client, p.url, "X-Headgate-Force", "candidate")
	if code, _ := post(t, client, p.url+"/train", "{}"); code != 200 {
		t.Fatal(code)
	}
	if s := p.mirrored(); s.Requests.Offered != 0 || s.Requests.Skipped != 1 {
		t.Errorf("%+v", s.Requests)
	}
	get(t, client, p.url)
	p.mirroring(0, kpi.Config{})
	get(t, client, p.url)
	if s := p.mirrored(); s.Requests.Sent != 1 || s.Share != 0 {
		t.Errorf("share %s, %+v", s.Share, s.Requests)
	}
}

// The share of a step is bounded by the route's, and drawn apart from the split.
func TestShareOfCopies(t *testing.T) {
	backend := startBackend(t, says("x"))
	c := oneRoute(backend, backend)
	c.Routes[0].Key = Key{Header: "X-User-Id"}
	c.Routes[0].Shadow = &shadow.Config{Share: 4000}
	p := startProxy(t, c)
	client := newHTTP(t)
	rec := kpi.NewRecorder(kpi.NewLayout(), kpi.Config{})
	p.Assign(model, Assignment{Split: canary.NewSplit(canary.Salt{7}, 0), Recorder: rec, Shadow: canary.Full, ShadowByKey: true})
	if s := p.Shadow(model).Snapshot(); s.Share != 4000 {
		t.Fatalf("share %s", s.Share)
	}
	const users = 400
	for range 2 { // a user is mirrored each time or never
		for i := range users {
			get(t, client, p.url, "X-User-Id", fmt.Sprint("user-", i))
		}
	}
	if s := p.mirrored(); s.Requests.Sent%2 != 0 || s.Requests.Sent < 2*users*3/10 || s.Requests.Sent > 2*users*5/10 {
		t.Errorf("%d copies of %d requests", s.Requests.Sent, 2*users)
	}
}

// A reload changes where copies go, and ends a mirror with its route; a new
// rollout compares anew.
func TestMirrorsFollowTheConfiguration(t *testing.T) {
	live, first, second := startRaw(t, answering(plainAnswer)), startRaw(t, answering(plainAnswer)), startRaw(t, answering(plainAnswer))
	c := oneRoute(live.url, first.url)
	p := startProxy(t, c)
	client := newHTTP(t)
	p.mirroring(canary.Full, kpi.Config{})
	get(t, client, p.url)
	p.mirrored()
	c.Routes[0].Candidate = &ArmConfig{Upstreams: []string{second.url}}
	c.Listen = "127.0.0.1:0"
	if err := p.Reload(c); err != nil {
		t.Fatal(err)
	}
	get(t, client, p.url)
	if s := p.mirrored(); len(first.seen()) == 0 || s.Requests.Sent != 2 || s.Compared.Agreed != 1 {
		t.Errorf("%+v %+v", s.Requests, s.Compared)
	}
	if heads := strings.Join(second.seen(), ""); strings.Count(heads, "X-Headgate-Shadow: 1") != 1 {
		t.Errorf("the new candidate got\n%s", heads)
	}
	p.mirroring(canary.Full, kpi.Config{}) // another rollout
	if s := p.mirrored(); s.Compared.Agreed != 0 || s.Requests.Sent != 2 {
		t.Errorf("%+v", s)
	}
	c.Routes[0].Candidate, c.Routes[0].Model = nil, ""
	if err := p.Reload(c); err != nil {
		t.Fatal(err)
	}
	get(t, client, p.url)
	if p.Shadow(model) != nil || len(p.shadows()) != 0 {
		t.Error("the mirror outlives its route")
	}
}

// sent + dropped = offered can be read from the metrics.
func TestShadowMetrics(t *testing.T) {
	p := startProxy(t, oneRoute(startBackend(t, says("x")), "http://127.0.0.1:1"))
	p.mirroring(canary.Full, kpi.Config{})
	client := newHTTP(t)
	for range 20 {
		get(t, client, p.url)
	}
	p.mirrored()
	sums := map[string]float64{}
	families, err := p.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			sums[f.GetName()] += m.GetCounter().GetValue()
		}
	}
	if offered := sums["headgate_shadow_offered_total"]; offered != 20 || offered != sums["headgate_shadow_sent_total"]+sums["headgate_shadow_dropped_total"] {
		t.Errorf("%v", sums)
	}
}

// A client that leaves before its answer, or in the middle of it, leaves no copy
// behind.
func TestClientsThatLeaveAreNotMirrored(t *testing.T) {
	for name, head := range map[string]string{"before the answer": "", "in the middle": eventsHead + "5\r\ndata:\r\n"} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 1)
			hanging := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
				if _, _, ok := b.request(r); ok {
					_, _ = io.WriteString(conn, head)
					asked <- struct{}{}
					b.request(r) // until the other side gives up
				}
			})
			copies := startRaw(t, answering(plainAnswer))
			p := startProxy(t, oneRoute(hanging.url, copies.url))
			p.mirroring(canary.Full, kpi.Config{})
			conn := p.dial()
			if _, err := io.WriteString(conn, predictHead+predictBody); err != nil {
				t.Fatal(err)
			}
			<-asked
			if head != "" {
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
			_ = conn.Close()
			if s := p.mirrored(); s.Requests.Offered != 1 || s.Requests.Dropped["unanswered"] != 1 {
				t.Errorf("%+v", s.Requests)
			}
		})
	}
}

// Whatever changes while requests pass, every copy ends once.
func TestMirrorsWhileEverythingChanges(t *testing.T) {
	backend := startBackend(t, says("x"))
	c := oneRoute(backend, backend)
	c.Listen = "127.0.0.1:0"
	p := startProxy(t, c)
	p.mirroring(canary.Full, kpi.Config{})
	var users sync.WaitGroup
	var asked atomic.Int64
	stop := make(chan struct{})
	for range 4 {
		client := newHTTP(t)
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if res, _ := get(t, client, p.url); res.StatusCode != http.StatusOK {
					t.Error(res.Status)
				}
				asked.Add(1)
			}
		})
	}
	for i := range 60 {
		switch i % 3 {
		case 0:
			p.mirroring(canary.Weight(i%2)*canary.Full, kpi.Config{})
		case 1:
			c.Routes[0].Shadow = &shadow.Config{Samples: 2 + i}
			if err := p.Reload(c); err != nil {
				t.Error(err)
			}
		case 2:
			p.mirroring(canary.Full/2, kpi.Config{})
			p.Shadow(model).Snapshot()
		}
		time.Sleep(2 * time.Millisecond)
	}
	close(stop)
	users.Wait()
	if s := p.mirrored(); s.Requests.Sent == 0 || s.Requests.Offered > uint64(asked.Load()) || s.Requests.Panics != 0 {
		t.Errorf("%d asked, %+v", asked.Load(), s.Requests)
	}
}
