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
	"github.com/headgate/headgate/internal/payload"
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

// Every way in which a request can end gives its copy back, and the books are
// exact.
func TestEveryCopyIsAccountedFor(t *testing.T) {
	var mode atomic.Value
	mode.Store("ok")
	backend := startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
		for {
			if _, _, ok := b.request(r); !ok {
				return
			}
			switch mode.Load() {
			case "broken":
				return
			case "cut":
				_, _ = io.WriteString(conn, eventsHead+"5\r\ndata:")
				return
			case "stream":
				_, _ = io.WriteString(conn, eventsHead+"9\r\ndata: a\n\n\r\n0\r\n\r\n")
			case "status":
				_, _ = io.WriteString(conn, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
			default:
				_, _ = io.WriteString(conn, plainAnswer)
			}
		}
	})
	copies := startRaw(t, answering(plainAnswer))
	p := startProxy(t, oneRoute(backend.url, copies.url))
	rec := p.mirroring(canary.Full, kpi.Config{})
	for _, m := range []string{"ok", "broken", "cut", "stream", "status"} {
		mode.Store(m)
		p.send(predictHead + predictBody)
	}
	s := p.mirrored()
	if s.Requests.Offered != 5 || s.Requests.Sent != 3 || s.Requests.Dropped["unanswered"] != 2 {
		t.Errorf("%+v", s.Requests)
	}
	if c := s.Compared; c.Agreed != 1 || c.Disagreed != 2 { // a stream and a status that are not the shadow's
		t.Errorf("%+v", c)
	}
	_, measures := rec.Meter().Drain()
	if a := measures[kpi.MeasureAgreement]; a.N != 3 || a.K != 1 {
		t.Errorf("agreement %+v", a)
	}
	if a := measures[kpi.MeasureShadow]; a.N != 3 || a.K != 0 || len(a.Bins) == 0 {
		t.Errorf("shadow %+v", a)
	}
}

// An event stream is compared as a whole at its end, within max_answer.
func TestStreamsAreMirrored(t *testing.T) {
	events := []string{"data: {\"a\":1}\n\n", "data: {\"a\":2}\n\n"}
	for name, c := range map[string]struct {
		shadow     []string
		max        shadow.Size
		agreed     uint64
		uncompared uint64
	}{
		"the same":  {events, shadow.MiB, 1, 0},
		"another":   {[]string{events[0], "data: {\"a\":3}\n\n"}, shadow.MiB, 0, 0},
		"too large": {events, 20, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			config := oneRoute(streaming(t, time.Millisecond, events, true), streaming(t, 0, c.shadow, true))
			config.Routes[0].Shadow = &shadow.Config{Limits: shadow.Limits{MaxAnswer: c.max}}
			p := startProxy(t, config)
			p.mirroring(canary.Full, kpi.Config{})
			if code, body := post(t, newHTTP(t), p.url+"/predict", "{}"); code != 200 || body != strings.Join(events, "") {
				t.Fatalf("%d %q", code, body)
			}
			s := p.mirrored()
			if s.Requests.Answered != 1 || s.Compared.Agreed != c.agreed || s.Compared.Uncompared["cut"] != c.uncompared {
				t.Errorf("%+v %+v", s.Requests, s.Compared)
			}
		})
	}
}

// A large answer that passes through is compared as well.
func TestLargeAnswersAreCompared(t *testing.T) {
	body := strings.Repeat("x", 3*streamAbove)
	p := startProxy(t, oneRoute(startBackend(t, says(body)), startBackend(t, says(body))))
	p.mirroring(canary.Full, kpi.Config{})
	if _, got := get(t, newHTTP(t), p.url); got != body {
		t.Fatalf("%d bytes", len(got))
	}
	if s := p.mirrored(); s.Compared.Agreed != 1 {
		t.Errorf("%+v %+v", s.Requests, s.Compared)
	}
}

// A shadow that hangs is in nobody's way, and its failures are not the
// candidate's.
func TestHungShadowDelaysNobody(t *testing.T) {
	hung := startRaw(t, func(b *rawBackend, _ net.Conn, r *bufio.Reader) {
		b.request(r)
		b.request(r) // until the other side gives up
	})
	c := oneRoute(startBackend(t, says("x")), hung.url)
	c.Routes[0].Shadow = &shadow.Config{Limits: shadow.Limits{Concurrency: 4, Queue: 8, Timeout: 300 * time.Millisecond}}
	p := startProxy(t, c)
	rec := p.mirroring(canary.Full, kpi.Config{})
	client := newHTTP(t)
	const n = 300
	for range n {
		if res, _ := get(t, client, p.url); res.StatusCode != http.StatusOK {
			t.Fatal(res.Status)
		}
	}
	s := p.mirrored()
	if s.Requests.Offered != n || s.Requests.Answered != 0 || s.Requests.Dropped["queue"] == 0 || s.Requests.Failed["timeout"] == 0 {
		t.Errorf("%+v", s.Requests)
	}
	if b := p.Health(model).Candidate.Breaker; b.Open {
		t.Errorf("breaker open: %s", b.Reason)
	}
	_, measures := rec.Meter().Drain()
	if m := measures[kpi.MeasureShadow]; m.N != s.Requests.Sent || m.K != m.N {
		t.Errorf("%+v, %d were sent", m, s.Requests.Sent)
	}
	if got := counted(t, p.metrics.attempts.WithLabelValues("churn", "shadow", "timeout")); got != int(s.Requests.Failed["timeout"]) {
		t.Errorf("%d attempts timed out, %v", got, s.Requests.Failed)
	}
	if b, _ := counts(rec); b.Requests != n || b.Failures != 0 {
		t.Errorf("baseline %+v", b)
	}
}

// The shadow's answers are the candidate's payloads, for the requests whose live
// answer counts; labels find both.
func TestShadowIsEvidence(t *testing.T) {
	live := startRaw(t, answering(jsonAnswer(`{"predictions":[0.25]}`)))
	copies := startRaw(t, answering(jsonAnswer(`{"predictions":[0.75]}`)))
	for _, rules := range []bool{false, true} {
		c := oneRoute(live.url, copies.url)
		c.Routes[0].Key = Key{Header: "X-User-Id"}
		c.Routes[0].Payload = &Payload{Config: payload.Config{Group: "group"}}
		if rules {
			c.Routes[0].Errors = &payload.Errors{Body: []payload.Rule{{Path: "predictions", Holds: payload.IsMissing}}}
		}
		p := startProxy(t, c)
		rec := p.mirroring(canary.Full, kpi.Config{Outcomes: &kpi.Outcomes{Keep: 100, Windows: kpi.DefaultWindows()}})
		client := newHTTP(t)
		for i, id := range []string{"a", "b", "c"} { // the third is of a user who was counted
			post(t, client, p.url+"/predict", `{"features":[[1]],"group":"g"}`, "X-Request-Id", id, "X-User-Id", fmt.Sprint("u", i%2))
			p.mirrored()
			p.settled()
		}
		if got := rec.Outcome(kpi.Outcome{ID: kpi.RequestKey([]byte("a")), Kind: kpi.Label, Value: 1}, false); got != kpi.OutcomeAccepted {
			t.Errorf("label %s", got)
		}
		b, cand := rec.Drain()
		for _, m := range []kpi.Measures{b, cand} {
			if m[kpi.MeasureGroup+"g"].N != 2 || m[kpi.MeasurePositive].N != 1 {
				t.Errorf("rules %v: %+v", rules, m)
			}
		}
		if b[kpi.MeasurePositive].K != 0 || cand[kpi.MeasurePositive].K != 1 {
			t.Errorf("rules %v: scores are mixed up: %+v, %+v", rules, b, cand)
		}
		if _, counts := counts(rec); counts.Requests != 0 {
			t.Errorf("the candidate's live KPIs hold copies: %+v", counts)
		}
	}
}

// The route's rules for failures hold for the shadow's answers.
func TestShadowFailsByTheRoutesRules(t *testing.T) {
	live, copies := startRaw(t, answering(jsonAnswer(`{"predictions":[1]}`))), startRaw(t, answering(jsonAnswer(`{"error":"x"}`)))
	c := oneRoute(live.url, copies.url)
	c.Routes[0].Errors = &payload.Errors{Body: []payload.Rule{{Path: "predictions", Holds: payload.IsMissing}}}
	p := startProxy(t, c)
	rec := p.mirroring(canary.Full, kpi.Config{})
	post(t, newHTTP(t), p.url+"/predict", "{}")
	p.mirrored()
	if _, m := rec.Meter().Drain(); m[kpi.MeasureShadow].N != 1 || m[kpi.MeasureShadow].K != 1 {
		t.Errorf("%+v", m[kpi.MeasureShadow])
	}
}

func jsonAnswer(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
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
