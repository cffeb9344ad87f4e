package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/payload"
)

const eventsHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"

// streaming sends each piece as a chunk of its own, with a pause before it, and
// then the end, or cuts the connection.
func streaming(t *testing.T, pause time.Duration, pieces []string, end bool) string {
	return startRaw(t, func(b *rawBackend, conn net.Conn, r *bufio.Reader) {
		if _, _, ok := b.request(r); !ok {
			return
		}
		_, _ = io.WriteString(conn, eventsHead)
		for _, piece := range pieces {
			time.Sleep(pause)
			_, _ = fmt.Fprintf(conn, "%x\r\n%s\r\n", len(piece), piece)
		}
		if end {
			_, _ = io.WriteString(conn, "0\r\n\r\n")
		}
	}).url
}

func firstBin(m kpi.Measure) int {
	if len(m.Bins) == 0 {
		return -1
	}
	return m.Bins[0].Index
}

func TestStreamsAreMeasured(t *testing.T) {
	const pause = 20 * time.Millisecond
	pieces := []string{": hello\n\nda", "ta: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}", "\n", "\ndata: {\"choices\":[{}]}\r\n\r\nda",
		"ta: {\"choices\":[],\"usage\":{\"completion_tokens\":3}}\n\n", "data: [DONE]\n\n"}
	p := startProxy(t, oneRoute(streaming(t, pause, pieces, true), "http://127.0.0.1:1"))
	rec := p.counting(0, kpi.Config{})
	code, body := post(t, newHTTP(t), p.url, "{}")
	if code != 200 || body != strings.Join(pieces, "") {
		t.Fatalf("%d %q", code, body)
	}
	p.settled()
	m, _ := rec.Meter().Drain()
	first, rate := m[kpi.MeasureFirstToken], m[kpi.MeasureTokens]
	if first.N != 1 || first.K != 0 || firstBin(first) < rec.Layout().Bin(2*pause) {
		t.Errorf("first token %+v, want it in or after bin %d", first, rec.Layout().Bin(2*pause))
	}
	// Three tokens in two pauses or more.
	most, _ := kpi.TokenScale().Bin(2 / (2 * pause).Seconds())
	if rate.N != 1 || firstBin(rate) < 0 || firstBin(rate) > most {
		t.Errorf("tokens per second %+v, want one in or before bin %d", rate, most)
	}
	if b, _ := counts(rec); b.Requests != 1 || b.Failures != 0 {
		t.Errorf("%+v", b)
	}
}

// A stream that is cut off is a failure, with or without rules for bodies, and
// what it brought is counted.
func TestCutStreamsAreCounted(t *testing.T) {
	for _, rules := range []bool{false, true} {
		for pieces, began := range map[string]bool{"data: a\n\ndata: b\n\n": true, ": nothing yet\n\n": false} {
			c := oneRoute(streaming(t, 0, []string{pieces}, false), "http://127.0.0.1:1")
			if rules {
				c.Routes[0].Errors = &payload.Errors{Body: []payload.Rule{{Path: "x", Holds: payload.IsMissing}}}
			}
			p := startProxy(t, c)
			rec := p.counting(0, kpi.Config{})
			res, err := newHTTP(t).Post(p.url, "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(res.Body); err == nil {
				t.Error("the cut looks like an end")
			}
			_ = res.Body.Close()
			eventually(t, "the outcome", func() bool { b, _ := counts(rec); return b.Requests == 1 })
			p.settled()
			b, _ := counts(rec)
			m, _ := rec.Meter().Drain()
			if first := m[kpi.MeasureFirstToken]; b.Failures != 1 || first.N != 1 || (first.K == 0) != began {
				t.Errorf("rules %t, %q: %d failures, first token %+v", rules, pieces, b.Failures, first)
			}
		}
	}
}

// A short stream of events that comes as a whole is a stream all the same, and
// no JSON that lacks its predictions.
func TestWholeStreams(t *testing.T) {
	const body = "data: a\n\ndata: b\n\ndata: [DONE]\n\n"
	c := bodyRules(startRaw(t, answering(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s", len(body), body))).url)
	c.Routes[0].Payload = tappedRoute("http://127.0.0.1:1").Routes[0].Payload
	p := startProxy(t, c)
	rec := p.counting(0, kpi.Config{})
	client := newHTTP(t)
	for range 2 {
		post(t, client, p.url, `{"features":[[1,2]]}`)
	}
	p.settled()
	b, _ := counts(rec)
	m, _ := rec.Meter().Drain()
	first, rate := m[kpi.MeasureFirstToken], m[kpi.MeasureTokens]
	if b.Requests != 2 || b.Failures != 0 || first.N != 2 || first.K != 0 || rate.N != 0 || m[kpi.MeasureInvalid].N != 2 || p.unread("answer_not_json") != 0 || p.unchecked() != 0 {
		t.Errorf("%+v: %+v", b, m)
	}
}

// A client that leaves takes what was copied of its stream with it.
func TestClientsThatLeaveTheirStream(t *testing.T) {
	c := tappedRoute(startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "some ")
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	}))
	p := startProxy(t, c)
	rec := p.counting(0, kpi.Config{})
	conn := p.dial()
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	_, _ = io.ReadFull(conn, make([]byte, 200))
	_ = conn.Close()
	p.settled()
	if b, _ := counts(rec); b.Requests != 0 {
		t.Errorf("%+v", b)
	}
}

// The data contract is kept for requests that are answered by a stream as well.
func TestStreamsAndTheContract(t *testing.T) {
	c := tappedRoute(streaming(t, 0, []string{"data: x\n\n"}, true))
	p := startProxy(t, c)
	rec := p.counting(0, kpi.Config{})
	post(t, newHTTP(t), p.url, `{"features":[[-5,1]]}`)
	p.settled()
	m, _ := rec.Meter().Drain()
	if in := m[kpi.MeasureInvalid]; in.N != 1 || in.K != 1 || m[kpi.MeasureFirstToken].N != 1 || p.unread("answer_not_json") != 0 {
		t.Errorf("%+v", m)
	}
}
