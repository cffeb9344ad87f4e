package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/payload"
	"github.com/headgate/headgate/shadow"
)

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
