package proxy

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
)

// Reloads under load: nothing fails, and no request sees two configurations.
// The upstream and the exposed arm change together.
func TestReloadUnderLoad(t *testing.T) {
	first, second := oneRoute(startBackend(t, says("first")), ""), oneRoute(startBackend(t, says("second")), "")
	second.Routes[0].ExposeArm = true
	p := startProxy(t, first)
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		for i := range 50 {
			c := []Config{second, first}[i%2]
			c.Listen = "127.0.0.1:0"
			if err := p.Reload(c); err != nil {
				t.Errorf("reload: %v", err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	answered, failed := load(t, 8, func() string { return p.url }, stop, func(res *http.Response, body string) error {
		if want := map[string]string{"first": "", "second": "baseline"}[body]; res.StatusCode != 200 || res.Header.Get("X-Headgate-Arm") != want {
			return fmt.Errorf("%d %q with arm %q", res.StatusCode, body, res.Header.Get("X-Headgate-Arm"))
		}
		return nil
	})
	if len(failed) > 0 || answered < 100 {
		t.Errorf("%d of %d failed: %v", len(failed), answered, failed[:min(3, len(failed))])
	}
}

func TestReloadKeepsWhatStays(t *testing.T) {
	c := oneRoute(startBackend(t, says("baseline")), startBackend(t, says("candidate")))
	p := startProxy(t, c)
	rec := p.give(canary.Full)
	before := p.table.Load().routes[0]
	for range 20 {
		before.arms[canary.Candidate].breaker.observe(resultStatus)
	}
	c.Listen = "127.0.0.1:0"
	c.Routes[0].Timeout = time.Second
	if err := p.Reload(c); err != nil {
		t.Fatal(err)
	}
	after := p.table.Load().routes[0]
	if after.arms != before.arms || after.assignment != (Assignment{Split: before.assignment.Split, Recorder: rec}) {
		t.Error("arms or assignment were lost")
	}
	if after.config.Timeout != time.Second || !p.Health(model).Candidate.Breaker.Open {
		t.Error("the new timeout was not taken, or the breaker forgotten")
	}

	c.Routes[0].Candidate = &ArmConfig{Upstreams: []string{startBackend(t, says("another"))}}
	if err := p.Reload(c); err != nil {
		t.Fatal(err)
	}
	if p.table.Load().routes[0].arms[canary.Baseline] != before.arms[canary.Baseline] || p.Health(model).Candidate.Breaker.Open {
		t.Error("a change of the candidate's upstreams did not stay with the candidate")
	}
	if _, body := get(t, newHTTP(t), p.url); body != "another" {
		t.Errorf("got %s", body)
	}
}

func TestReloadIsAllOrNothing(t *testing.T) {
	p := startProxy(t, oneRoute(startBackend(t, says("good")), ""))
	before := p.table.Load()
	bad := oneRoute("ftp://nowhere", "")
	if err := p.Reload(bad); err == nil {
		t.Error("a bad upstream was taken")
	}
	taken := oneRoute(startBackend(t, says("other")), "")
	taken.Listen = refusing(t)[len("http://"):] // free a moment ago
	busy := startProxy(t, taken)
	taken.Listen = busy.Addr().String()
	if err := p.Reload(taken); err == nil {
		t.Error("a busy address was taken")
	}
	if p.table.Load() != before {
		t.Error("the table changed")
	}
	if _, body := get(t, newHTTP(t), p.url); body != "good" {
		t.Errorf("got %s", body)
	}
}

func TestReloadMovesTheListener(t *testing.T) {
	c := oneRoute(startBackend(t, says("ok")), "")
	p := startProxy(t, c)
	client, old := newHTTP(t), p.url
	get(t, client, old)
	c.Listen = refusing(t)[len("http://"):]
	if err := p.Reload(c); err != nil {
		t.Fatal(err)
	}
	if p.Addr().String() != c.Listen {
		t.Errorf("listens on %s", p.Addr())
	}
	get(t, newHTTP(t), "http://"+c.Listen)
	if _, body := get(t, client, old); body != "ok" {
		t.Errorf("a connection of before: %s", body)
	}
}

// An assignment made before its route exists waits for it.
func TestAssignmentOfALaterRoute(t *testing.T) {
	baseline, candidate := startBackend(t, says("baseline")), startBackend(t, says("candidate"))
	p := startProxy(t, oneRoute(baseline, ""))
	p.give(canary.Full)
	if _, body := get(t, newHTTP(t), p.url); body != "baseline" {
		t.Errorf("got %s without a candidate", body)
	}
	c := oneRoute(baseline, candidate)
	c.Listen = "127.0.0.1:0"
	if err := p.Reload(c); err != nil {
		t.Fatal(err)
	}
	if _, body := get(t, newHTTP(t), p.url); body != "candidate" {
		t.Errorf("got %s", body)
	}
}
