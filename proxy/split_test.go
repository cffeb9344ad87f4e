package proxy

import (
	"fmt"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headgate/headgate/canary"
)

func TestSplitShareAndStickiness(t *testing.T) {
	c := oneRoute(startBackend(t, says("baseline")), startBackend(t, says("candidate")))
	c.Routes[0].Key = Key{Header: "X-User-Id"}
	c.Routes[0].ExposeArm = true
	p := startProxy(t, c)
	client := newHTTP(t)
	if _, body := get(t, client, p.url, "X-User-Id", "u"); body != "baseline" {
		t.Fatalf("without an assignment: %s", body)
	}
	rec := p.give(2000)
	const users = 600
	arm := map[string]string{}
	for round := range 2 {
		for i := range users {
			user := fmt.Sprint("user-", i)
			res, body := get(t, client, p.url, "X-User-Id", user)
			if round == 1 && arm[user] != body {
				t.Fatalf("%s moved from %s to %s", user, arm[user], body)
			}
			if res.Header.Get("X-Headgate-Arm") != body {
				t.Fatalf("X-Headgate-Arm says %q of %s", res.Header.Get("X-Headgate-Arm"), body)
			}
			arm[user] = body
		}
	}
	candidates := 0
	for _, a := range arm {
		if a == "candidate" {
			candidates++
		}
	}
	if off := math.Abs(float64(candidates) - 0.2*users); off > 5*math.Sqrt(users*.2*.8) {
		t.Errorf("%d of %d users on the candidate", candidates, users)
	}
	base, cand := counts(rec)
	if base.Requests+cand.Requests != users || cand.Requests != uint64(candidates) || base.Repeats+cand.Repeats != users {
		t.Errorf("recorded %+v and %+v, wanted one outcome for each of %d users", base.Requests, cand.Requests, users)
	}
	p.give(6000)
	for user, before := range arm {
		if _, now := get(t, client, p.url, "X-User-Id", user); before == "candidate" && now != "candidate" {
			t.Fatalf("%s fell back to the %s", user, now)
		}
	}
}

func TestMissingKey(t *testing.T) {
	baseline, candidate := startBackend(t, says("baseline")), startBackend(t, says("candidate"))
	ask := func(missing Missing) (*running, http.CookieJar, map[string]int, uint64) {
		c := oneRoute(baseline, candidate)
		c.Routes[0].Key = Key{Header: "X-User-Id", Missing: missing}
		p := startProxy(t, c)
		rec := p.give(5000)
		client := newHTTP(t)
		client.Jar, _ = cookiejar.New(nil)
		got := map[string]int{}
		for range 60 {
			_, body := get(t, client, p.url)
			got[body]++
		}
		b, cand := counts(rec)
		return p, client.Jar, got, b.Requests + cand.Requests
	}
	if _, _, got, n := ask(MissingDraw); got["baseline"] == 0 || got["candidate"] == 0 || n != 60 {
		t.Errorf("draw: %v, %d recorded", got, n)
	}
	if _, _, got, n := ask(MissingBaseline); got["baseline"] != 60 || n != 0 {
		t.Errorf("baseline: %v, %d recorded: who brings no key is no fair sample", got, n)
	}
	if _, _, got, n := ask(MissingCookie); len(got) != 1 || n != 1 {
		t.Errorf("cookie: %v, %d recorded: one user with a cookie", got, n)
	}
}

func TestKeyCookie(t *testing.T) {
	c := oneRoute(startBackend(t, says("baseline")), startBackend(t, says("candidate")))
	c.Routes[0].Key = Key{Missing: MissingCookie}
	p := startProxy(t, c)
	p.give(5000)
	res, first := get(t, newHTTP(t), p.url)
	cookies := res.Cookies()
	if len(cookies) != 1 || cookies[0].Name != DefaultKeyCookie || len(cookies[0].Value) != 32 || !cookies[0].HttpOnly || cookies[0].Path != "/" {
		t.Fatalf("got %v", res.Header["Set-Cookie"])
	}
	for range 10 {
		res, again := get(t, newHTTP(t), p.url, "Cookie", "a=b; "+cookies[0].Name+"="+cookies[0].Value)
		if again != first || len(res.Cookies()) != 0 {
			t.Fatalf("%s, then %s with cookies %v", first, again, res.Cookies())
		}
	}
}

func TestForcedArm(t *testing.T) {
	var headers atomic.Pointer[http.Header]
	c := oneRoute(startBackend(t, says("baseline")), startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		headers.Store(&r.Header)
		says("candidate")(w, r)
	}))
	c.Routes[0].Force = &Force{Header: "X-Tester", Cookie: "tester", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	p := startProxy(t, c)
	rec := p.give(0)
	client := newHTTP(t)
	for name, tc := range map[string]struct{ header, value, want string }{
		"by header":     {"X-Tester", "candidate", "candidate"},
		"by cookie":     {"Cookie", "tester=candidate", "candidate"},
		"to the other":  {"X-Tester", "baseline", "baseline"},
		"unknown value": {"X-Tester", "canary", "baseline"},
		"another name":  {"X-Headgate-Force", "candidate", "baseline"},
	} {
		if _, body := get(t, client, p.url, tc.header, tc.value); body != tc.want {
			t.Errorf("%s: got %s", name, body)
		}
	}
	if h := *headers.Load(); h.Get("X-Tester") != "" {
		t.Error("the routing header reached the backend")
	}
	b, cand := counts(rec)
	if cand.Requests != 0 || b.Requests != 2 {
		t.Errorf("recorded %d and %d: forced traffic is no evidence", b.Requests, cand.Requests)
	}

	c.Routes[0].Force = &Force{Header: "X-Tester", From: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	outside := startProxy(t, c)
	outside.give(0)
	if _, body := get(t, client, outside.url, "X-Tester", "candidate"); body != "baseline" {
		t.Errorf("an outsider got to the %s", body)
	}
}

// A name of its own leads testers to the candidate, and nobody else.
func TestPreviewHost(t *testing.T) {
	c := oneRoute(startBackend(t, says("baseline")), startBackend(t, says("candidate")))
	c.Routes[0].Match.Host = "api.test"
	c.Routes[0].Force = &Force{PreviewHost: "Preview.test", From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	p := startProxy(t, c)
	rec := p.give(0)
	ask := func(p *running, host string, header ...string) string {
		res, body := get(t, newHTTP(t), p.url, append([]string{"Host", host}, header...)...)
		if res.StatusCode != http.StatusOK {
			return res.Status
		}
		return body
	}
	if got := ask(p, "preview.TEST:8080"); got != "candidate" {
		t.Errorf("a tester got to the %s", got)
	}
	if b, cand := counts(rec); b.Requests+cand.Requests != 0 {
		t.Error("a tester's request was recorded")
	}
	if got := ask(p, "api.test"); got != "baseline" {
		t.Errorf("a user got to the %s", got)
	}
	if got := ask(p, "preview.test.evil"); got != "404 Not Found" {
		t.Errorf("another name: %s", got)
	}
	c.Routes[0].Force.Header = "X-Tester"
	p = startProxy(t, c)
	p.give(0)
	if got := ask(p, "preview.test", "X-Tester", "baseline"); got != "baseline" {
		t.Errorf("the header said baseline: %s", got)
	}
	c.Routes[0].Force.From = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	outside := startProxy(t, c)
	outside.give(canary.Full)
	if got := ask(outside, "preview.test"); got != "404 Not Found" {
		t.Errorf("an outsider: %s", got)
	}
}

func TestRoutes(t *testing.T) {
	backend := func(name string) *ArmConfig { return &ArmConfig{Upstreams: []string{startBackend(t, says(name))}} }
	p := startProxy(t, Config{Timeouts: oneRoute("", "").Timeouts, Routes: []Route{
		{Name: "all", Baseline: backend("all")},
		{Name: "a", Match: Match{PathPrefix: "/a"}, Baseline: backend("a")},
		{Name: "ab", Match: Match{PathPrefix: "/a/b/"}, Baseline: backend("ab")},
		{Name: "host", Match: Match{Host: "Shop.example", PathPrefix: "/a"}, Baseline: backend("host")},
	}})
	for _, tc := range []struct{ host, target, want string }{
		{"h", "/", "all"},
		{"h", "/a", "a"},
		{"h", "/a?x", "a"},
		{"h", "/a/", "a"},
		{"h", "/ab", "all"},
		{"h", "/a/b", "a"},
		{"h", "/a/b/", "ab"},
		{"h", "/a/b/c", "ab"},
		{"h", "/%61/b/c", "all"},
		{"h", "/a//b/", "a"},
		{"h", "/x/../a", "all"},
		{"h", "/?/a/b/", "all"},
		{"shop.EXAMPLE:8080", "/a/b/c", "host"},
		{"shop.example", "/b", "all"},
		{"www.shop.example", "/a", "a"},
	} {
		got := p.send("GET " + tc.target + " HTTP/1.1\r\nHost: " + tc.host + "\r\n\r\n")
		if !strings.HasSuffix(got, "\r\n\r\n"+tc.want) {
			t.Errorf("%s%s: wanted %s, got %q", tc.host, tc.target, tc.want, got)
		}
	}
}

func TestUpstreamsTakeTurns(t *testing.T) {
	c := oneRoute(startBackend(t, says("1")), "")
	c.Routes[0].Baseline.Upstreams = append(c.Routes[0].Baseline.Upstreams, startBackend(t, says("2")), "http://127.0.0.1:1")
	p := startProxy(t, c)
	got := map[string]int{}
	for range 40 {
		res, body := get(t, newHTTP(t), p.url)
		if res.StatusCode != 200 {
			t.Fatalf("got %d: one of three upstreams is dead", res.StatusCode)
		}
		got[body]++
	}
	if got["1"] < 10 || got["2"] < 10 {
		t.Errorf("got %v", got)
	}
	if n := p.attempts(canary.Baseline, resultUnreachable); n != 0 {
		t.Errorf("%d attempts failed: another upstream of the arm is no second attempt", n)
	}
}
