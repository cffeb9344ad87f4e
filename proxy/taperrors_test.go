package proxy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/payload"
)

func TestErrorsByStatus(t *testing.T) {
	c := oneRoute(startBackend(t, answersWhatItIsTold), "http://127.0.0.1:1")
	c.Routes[0].Errors = &payload.Errors{Statuses: []payload.Statuses{{From: 429, To: 429}}}
	p := startProxy(t, c)
	rec := p.give(0)
	client := newHTTP(t)
	for _, status := range []string{"200", "404", "429", "500"} {
		post(t, client, p.url, "{}", "Answer-Status", status)
	}
	if b, _ := counts(rec); b.Requests != 4 || b.Failures != 2 {
		t.Errorf("%d of %d failed, want 429 and 500", b.Failures, b.Requests)
	}
	if ok := p.attempts(canary.Baseline, resultOK); ok != 3 {
		t.Errorf("%d attempts are ok, want 3: their results do not depend on the rule", ok)
	}
}

// bodyRules makes answers without numbers failures.
func bodyRules(url string) Config {
	c := oneRoute(url, url)
	c.Routes[0].Errors = &payload.Errors{Body: []payload.Rule{
		{Path: "predictions", Holds: payload.IsMissing | payload.IsNotANumber}, {Path: "stack_trace", Holds: payload.IsPresent},
	}}
	return c
}

func TestErrorsByBody(t *testing.T) {
	p := startProxy(t, bodyRules(startBackend(t, answersWhatItIsTold)))
	rec := p.give(0)
	client := newHTTP(t)
	tests := []struct {
		status, answer string
		more           []string
		failed         bool
	}{
		{"200", `{"predictions":[0.5]}`, nil, false},
		{"200", `{"predictions":[NaN]}`, nil, true},
		{"200", `{"predictions":[null]}`, nil, true},
		{"200", `{}`, nil, true},
		{"200", `{"predictions":[0.5]}`, []string{"Answer-Chunked", "1"}, false},
		{"200", `{"predictions":[-Infinity]}`, []string{"Answer-Chunked", "1"}, true},
		{"200", `{"predictions":["a"]}`, []string{"Answer-Content-Encoding", "gzip"}, true},
		{"400", `{"error_code":"BAD_REQUEST"}`, nil, false},
		{"400", `{"error_code":"BAD_REQUEST","stack_trace":"Traceback"}`, nil, true},
		{"500", `{"predictions":[0.5]}`, nil, true},
		{"200", "data: {}\n\n", []string{"Answer-Chunked", "1", "Answer-Content-Type", "text/event-stream"}, false},
	}
	for i, tt := range tests {
		_, before := counts(rec)
		b0, _ := counts(rec)
		post(t, client, p.url, "{}", append(tt.more, "Answer", strings.ReplaceAll(tt.answer, "\n", ""), "Answer-Status", tt.status)...)
		p.settled()
		b, cand := counts(rec)
		if b.Requests != b0.Requests+1 || (b.Failures > b0.Failures) != tt.failed || cand.Requests != before.Requests {
			t.Errorf("%d: %s %s: %d of %d failed, was %d of %d", i, tt.status, tt.answer, b.Failures, b.Requests, b0.Failures, b0.Requests)
		}
	}
	if n := p.unchecked(); n != 0 {
		t.Errorf("%d unchecked", n)
	}
	// What the status says of a body that cannot be read.
	b0, _ := counts(rec)
	post(t, client, p.url, "{}", "Answer", "{}", "Answer-Content-Encoding", "br")
	p.settled()
	if b, _ := counts(rec); b.Failures != b0.Failures || b.Requests != b0.Requests+1 || p.unchecked() != 1 {
		t.Errorf("%d of %d failed, %d unchecked", b.Failures, b.Requests, p.unchecked())
	}
	// GET asks no model.
	res, _ := get(t, client, p.url, "Answer", "ok")
	p.settled()
	if b, _ := counts(rec); res.StatusCode != 200 || b.Failures != b0.Failures || b.Requests != b0.Requests+2 {
		t.Errorf("%d of %d failed", b.Failures, b.Requests)
	}
}

// The breaker is for a candidate that is plainly dead.
func TestBodyRulesLeaveTheBreakerAlone(t *testing.T) {
	p := startProxy(t, bodyRules(startBackend(t, answersWhatItIsTold)))
	rec := p.give(canary.Full)
	client := newHTTP(t)
	for range 2 * breakerFailed {
		post(t, client, p.url, "{}", "Answer", `{"predictions":[NaN]}`)
	}
	p.settled()
	if _, cand := counts(rec); cand.Failures != 2*breakerFailed || cand.Requests != cand.Failures {
		t.Errorf("%d of %d failed", cand.Failures, cand.Requests)
	}
	if p.Health(model).Candidate.Breaker.Open {
		t.Error("the breaker is open")
	}
	if n := p.attempts(canary.Candidate, resultOK); n != 2*breakerFailed {
		t.Errorf("%d attempts are ok", n)
	}
}

// A user's first outcome is the one that counts, though the second is known at
// once and the first only when its body is read.
func TestDeferredOutcomesKeepTheirOrder(t *testing.T) {
	c := bodyRules(startBackend(t, answersWhatItIsTold))
	c.Routes[0].Key = Key{Header: "X-User-Id"}
	p := startProxy(t, c)
	rec := p.give(0)
	client := newHTTP(t)
	const users = 50
	for i := range users {
		user := fmt.Sprint("user-", i)
		post(t, client, p.url, "{}", "X-User-Id", user, "Answer", `{"predictions":[1]}`)
		post(t, client, p.url, "{}", "X-User-Id", user, "Answer-Status", "503")
	}
	p.settled()
	if b, _ := counts(rec); b.Requests != users || b.Failures != 0 {
		t.Errorf("%d of %d failed: second outcomes came first", b.Failures, b.Requests)
	}
}

// What the queue has no place for is counted at once, as its status says.
func TestFullQueueLosesNoOutcome(t *testing.T) {
	p := startProxy(t, bodyRules(startBackend(t, answersWhatItIsTold)))
	rec := p.give(0)
	client := newHTTP(t)
	var all []*tapped
	for x := p.tap.take(); x != nil; x = p.tap.take() {
		all = append(all, x)
	}
	if len(all) != tapItems {
		t.Fatalf("%d items", len(all))
	}
	for _, chunked := range []string{"", "1"} {
		post(t, client, p.url, "{}", "Answer", "{}", "Answer-Chunked", chunked)
		post(t, client, p.url, "{}", "Answer", "{}", "Answer-Status", "500", "Answer-Chunked", chunked)
	}
	eventually(t, "four outcomes", func() bool { b, _ := counts(rec); return b.Requests == 4 })
	if b, _ := counts(rec); b.Failures != 2 {
		t.Errorf("%d failures, want those with status 500", b.Failures)
	}
	if p.unread(unreadQueue) != 4 || p.unchecked() != 4 {
		t.Errorf("%d dropped, %d unchecked", p.unread(unreadQueue), p.unchecked())
	}
	for _, x := range all {
		p.tap.put(x)
	}
	post(t, client, p.url, "{}", "Answer", "{}")
	p.settled()
	if b, _ := counts(rec); b.Failures != 3 || p.unread(unreadQueue) != 4 {
		t.Errorf("%d failures, %d dropped", b.Failures, p.unread(unreadQueue))
	}
}

func TestFullBuffersLoseNoOutcome(t *testing.T) {
	p := startProxy(t, bodyRules(startBackend(t, answersWhatItIsTold)))
	rec := p.give(0)
	client := newHTTP(t)
	p.tap.bytes.Add(int64(tapBytes))
	post(t, client, p.url, "{}", "Answer", "{}")
	post(t, client, p.url, "{}", "Answer", "{}", "Answer-Chunked", "1")
	eventually(t, "both outcomes", func() bool { b, _ := counts(rec); return b.Requests == 2 })
	p.tap.bytes.Add(-int64(tapBytes))
	p.settled()
	if b, _ := counts(rec); b.Failures != 0 || p.unread(unreadRoom) != 2 || p.unchecked() != 2 {
		t.Errorf("%d failures, %d without room, %d unchecked", b.Failures, p.unread(unreadRoom), p.unchecked())
	}
}
