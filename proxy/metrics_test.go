package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headgate/headgate/canary"
)

func (r *running) series() (all []string) {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			all = append(all, fmt.Sprintf("%s{%s} %v", f.GetName(), strings.Join(labels, ","), v))
		}
	}
	return all
}

func TestMetrics(t *testing.T) {
	c := oneRoute(startBackend(t, says("baseline")), startBackend(t, says("candidate")))
	p := startProxy(t, c)
	p.give(canary.Full)
	get(t, newHTTP(t), p.url)
	p.give(0)
	get(t, newHTTP(t), p.url)
	p.send("GET * HTTP/1.1\r\nHost: h\r\n\r\n")
	got := p.series()
	for _, want := range []string{
		"headgate_requests_total{arm=candidate,code=200,route=churn} 1",
		"headgate_requests_total{arm=baseline,code=200,route=churn} 1",
		"headgate_requests_total{arm=none,code=400,route=none} 1",
		"headgate_request_duration_seconds{arm=candidate,route=churn} 1",
		"headgate_attempts_total{arm=candidate,result=ok,route=churn} 1",
		"headgate_attempts_total{arm=baseline,result=timeout,route=churn} 0",
		"headgate_fallbacks_total{route=churn} 0",
		"headgate_breaker_open{arm=candidate,route=churn} 0",
		"headgate_panics_total{} 0",
		"headgate_requests_in_flight{} 0",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
	c.Listen = "127.0.0.1:0"
	c.Routes[0].Name = "renamed"
	if err := p.Reload(c); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.series(), "\n"); strings.Contains(got, "route=churn") {
		t.Errorf("series of a route that is gone:\n%s", got)
	}
}

// A panic ends one request, frees what it held, and is counted.
func TestPanic(t *testing.T) {
	p := startProxy(t, oneRoute(startBackend(t, says("baseline")), ""))
	good := p.table.Load()
	broken := *good
	bad := *good.routes[0]
	bad.metrics = [2]*armMetrics{} // a nil pointer behind the answer
	broken.routes = []*route{&bad}
	p.table.Store(&broken)
	got := p.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if statusOf(got) != 500 || !strings.Contains(got, "Connection: close") {
		t.Errorf("got %q", got)
	}
	p.table.Store(good)
	if n := counted(t, p.metrics.panics); n != 1 || p.inFlight.Load() != 0 {
		t.Errorf("%d panics, %d in flight", n, p.inFlight.Load())
	}
	if _, body := get(t, newHTTP(t), p.url); body != "baseline" {
		t.Errorf("then %q", body)
	}
	eventually(t, "no client is left", func() bool { return p.clients.count() <= 1 })
}
