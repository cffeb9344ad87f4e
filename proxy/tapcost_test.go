package proxy

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/payload"
)

// askedAndAnswered is a client with an exchange like the churn example's, and
// everything that can be read of it switched on.
func askedAndAnswered(t testing.TB, all bool) (*client, *tap) {
	const request = `{"features": [[0.1,0.2,0.0,0.4,0.5,0.0,0.2,0.1,0.3,0.9]], "group": "b"}`
	const answer = `{"predictions": [1], "probabilities": [0.731058578630005]}`
	c := oneRoute("http://127.0.0.1:1", "http://127.0.0.1:2")
	counted := kpi.Config{}
	if all {
		contract := &payload.Contract{Columns: make([]payload.Column, 10)}
		c.Routes[0].Payload = &Payload{Config: payload.Config{Group: "group", Contract: contract}}
		c.Routes[0].Errors = &payload.Errors{
			Statuses: []payload.Statuses{{From: 429, To: 429}},
			Body:     []payload.Rule{{Path: "predictions", Holds: payload.IsMissing | payload.IsNotANumber}},
		}
		counted.Inputs = []kpi.Input{{Name: "x", Feature: "0", Scale: kpi.Unit()}}
		counted.Outcomes = &kpi.Outcomes{Windows: kpi.DefaultWindows(), Keep: 1000}
	}
	c.SetDefaults()
	m := newMetrics(prometheus.NewRegistry(), func() float64 { return 0 }, func() float64 { return 0 })
	arms := [2]*arm{{breaker: newBreaker(model, canary.Baseline)}, {breaker: newBreaker(model, canary.Candidate)}}
	rec := kpi.NewRecorder(kpi.NewLayout(), counted)
	table := newTable(c, m, []*route{newRoute(c.Routes[0], m, arms, Assignment{Split: canary.NewSplit(canary.Salt{1}, 5000), Recorder: rec})})
	tap := newTap(func(v any) { t.Error(v) })
	x := &client{proxy: &Proxy{tap: tap}}
	if r := x.head.parse([]byte(strings.ReplaceAll(plainPOST[:len(plainPOST)-26], "X-User-Id", "X-Request-Id"))); r != nil {
		t.Fatal(r.detail)
	}
	x.begin(table)
	x.body = []byte(request)
	x.answer = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 58\r\n\r\n" + answer)
	x.bodyAt, x.upstreamHead.status = len(x.answer)-len(answer), 200
	x.draw = draw{evidence: true}
	return x, tap
}

// empty takes the place of the worker, without reading.
func (t *tap) empty(batch []*tapped) []*tapped {
	batch = t.swap(batch)
	for _, x := range batch {
		t.put(x)
	}
	return batch
}

func TestTapDoesNotAllocate(t *testing.T) {
	x, tap := askedAndAnswered(t, true)
	var batch []*tapped
	round := func() {
		for range 64 {
			x.note(canary.Candidate, resultOK)
		}
		if batch = tap.empty(batch); len(batch) != 64 {
			t.Fatalf("%d of 64 exchanges were offered", len(batch))
		}
	}
	x.note(canary.Candidate, resultOK)
	if got := tap.swap(nil)[0]; !got.read || !got.rules || got.id == 0 || string(got.request) != string(x.body) || !strings.HasPrefix(string(got.answer), `{"predictions"`) {
		t.Fatalf("%+v", got)
	}
	round()
	round()
	if n := testing.AllocsPerRun(50, round); n > 0 && !raceEnabled {
		t.Errorf("%.2f allocations for 64 exchanges", n)
	}
}

// BenchmarkTap is what a request pays on its path for being recorded: alone, and
// with everything on that can be read of it.
func BenchmarkTap(b *testing.B) {
	for name, size := range map[string]int{"off": 0, "everything": 1, "everything, 16 KiB each way": 16 << 10} {
		b.Run(name, func(b *testing.B) {
			x, tap := askedAndAnswered(b, size > 0)
			for len(x.body) < size {
				x.body, x.answer = append(x.body, x.body...), append(x.answer, x.answer[x.bodyAt:]...)
			}
			var batch []*tapped
			for range tapItems / 8 { // buffers as large as they will be
				x.note(canary.Candidate, resultOK)
			}
			batch = tap.empty(batch)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				x.note(canary.Candidate, resultOK)
				if n++; n == min(tapItems/8, int(tapKept)/(4*size+1000)) {
					b.StopTimer()
					batch, n = tap.empty(batch), 0
					b.StartTimer()
				}
			}
		})
	}
}

// BenchmarkTapRead is what the worker pays for one exchange, beside the path.
func BenchmarkTapRead(b *testing.B) {
	x, tap := askedAndAnswered(b, true)
	b.ReportAllocs()
	for b.Loop() {
		x.note(canary.Candidate, resultOK)
		for _, item := range tap.swap(nil) {
			tap.read(item)
			tap.put(item)
		}
	}
}
