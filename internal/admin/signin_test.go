package admin

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// holder makes a token for a name, from a seed of its own.
func holder(t *testing.T, seed byte, name string, roles ...string) (string, Token) {
	t.Helper()
	token, digest, err := NewToken(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return token, Token{Name: name, Roles: roles, SHA256: digest}
}

// Every role at every endpoint: 0 stands for "let in".
func TestSignInTable(t *testing.T) {
	type caller struct {
		name  string
		roles []string
	}
	callers := []caller{
		{"nobody", nil}, {"viewer", []string{"viewer"}}, {"operator", []string{"operator"}}, {"lead", []string{"ml-lead"}},
		{"reporter", []string{"reporter"}}, {"alerter", []string{"alerter"}}, {"admin", []string{"admin"}}, {"both", []string{"alerter", "operator"}},
	}
	reads := []int{401, 0, 0, 0, 403, 403, 0, 0}
	works := []int{401, 403, 0, 403, 403, 403, 0, 0}
	sirens := []int{401, 403, 0, 403, 403, 0, 0, 0}
	reports := []int{401, 403, 0, 403, 0, 403, 0, 0}
	probe := []int{0, 0, 0, 0, 0, 0, 0, 0}
	endpoints := map[string][]int{
		"GET /healthz": probe, "GET /readyz": probe, "GET /metrics": reads,
		"GET /api/v1/rollouts": reads, "GET /api/v1/rollouts/churn-model": reads, "GET /api/v1/incidents": reads,
		"GET /api/v1/journal": reads, "GET /api/v1/journal/verify": reads, "GET /api/v1/doctor": reads,
		"GET /api/v1/evidence": reads, "GET /api/v1/evidence/churn-model/{rollout}": reads,
		"GET " + orders + "shadow": reads,
		"POST " + orders + "start": works, "POST " + orders + "pause": works, "POST " + orders + "resume": works,
		"POST " + orders + "advance": works, "POST " + orders + "promote": works, "POST " + orders + "rollback": works,
		"POST /api/v1/drills/churn-model": works, "GET /api/v1/drills/churn-model": reads,
		"POST /api/v1/registry/versions": works, "POST /api/v1/registry/transition-stage": works,
		"POST /api/v1/approvals": reads, "GET /api/v1/approvals": reads,
		"POST /api/v1/alerts": sirens, "POST /api/v1/outcomes": reports, "GET /api/v1/outcomes": reads,
	}
	c := Config{Approvers: []string{"ml-lead"}}
	tokens := map[string]string{}
	for i, who := range callers {
		if who.roles == nil {
			continue
		}
		token, entry := holder(t, byte(i+1), who.name, who.roles...)
		tokens[who.name] = token
		c.Tokens = append(c.Tokens, entry)
	}
	f := &fake{}
	s := run(t, c, f)
	covered := 1 // metrics are not in the table of routes
	for path, m := range s.routes() {
		for method := range m {
			if _, ok := endpoints[method+" "+strings.Replace(path, "{model}", "churn-model", 1)]; !ok {
				t.Errorf("%s %s is not in the table", method, path)
			}
			covered++
		}
	}
	if covered != len(endpoints) {
		t.Errorf("%d endpoints in the table, %d in the server", len(endpoints), covered)
	}
	for endpoint, want := range endpoints {
		method, path, _ := strings.Cut(endpoint, " ")
		for i, who := range callers {
			t.Run(fmt.Sprintf("%s as %s", endpoint, who.name), func(t *testing.T) {
				var header []string
				if token := tokens[who.name]; token != "" {
					header = []string{"Authorization", "Bearer " + token}
				}
				a := s.ask(t, method, path, "", header...)
				denied := 0
				if a.status == 401 || a.status == 403 {
					denied = a.problem(t).Status
				}
				if denied != want[i] {
					t.Errorf("got %d %s, want %d", a.status, a.body, want[i])
				}
				if a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
					t.Error("401 without WWW-Authenticate")
				}
			})
		}
	}
	for _, given := range f.given() {
		if given.By != "operator" && given.By != "admin" && given.By != "both" {
			t.Errorf("an order by %q", given.By)
		}
	}
	if log := s.log.String(); strings.Contains(log, tokenPrefix) {
		t.Errorf("a token is in the log: %s", log)
	}
}

func TestTokensEndAndAreReplaced(t *testing.T) {
	past, future := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	oldToken, old := holder(t, 1, "old", "viewer")
	newToken, fresh := holder(t, 2, "fresh", "viewer")
	old.Expires, fresh.Expires = &past, &future
	s := run(t, Config{Tokens: []Token{old, fresh}}, &fake{})
	status := func(authorization string) int {
		return s.ask(t, "GET", "/api/v1/rollouts", "", "Authorization", authorization).status
	}
	for authorization, want := range map[string]int{
		"Bearer " + oldToken: 401, "Bearer " + newToken: 200, "bearer " + newToken: 200, "Bearer " + newToken + "x": 401,
		"Basic " + newToken: 401, newToken: 401, "Bearer ": 401, "": 401, "Bearer " + fresh.SHA256: 401,
	} {
		if got := status(authorization); got != want {
			t.Errorf("%q: %d, want %d", authorization, got, want)
		}
	}
	thirdToken, third := holder(t, 3, "third", "viewer")
	if err := s.SetTokens([]Token{third}); err != nil {
		t.Fatal(err)
	}
	if status("Bearer "+newToken) != 401 || status("Bearer "+thirdToken) != 200 {
		t.Error("the tokens were not replaced")
	}
}

func TestWithoutTokensOnlyThisMachineMayAsk(t *testing.T) {
	cases := []struct {
		name   string
		header []string
		want   int
	}{
		{"the address", nil, 200},
		{"localhost", []string{"Host", "localhost:8090"}, 200},
		{"another loopback address", []string{"Host", "127.9.9.9"}, 200},
		{"IPv6 loopback", []string{"Host", "[::1]:8090"}, 200},
		{"a rebound name", []string{"Host", "evil.example:8090"}, 403},
		{"a name that begins right", []string{"Host", "localhost.evil.example"}, 403},
		{"a name that looks like an address", []string{"Host", "127.0.0.1.evil.example"}, 403},
		{"another address", []string{"Host", "10.0.0.1:8090"}, 403},
		{"any address", []string{"Host", "0.0.0.0"}, 403},
		{"a page's origin", []string{"Origin", "https://evil.example"}, 403},
		{"a hidden origin", []string{"Origin", "null"}, 403},
		{"our own origin", []string{"Origin", "http://127.0.0.1:8090"}, 403},
	}
	f := &fake{}
	s := run(t, Config{}, f)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, path := range []string{"/api/v1/rollouts", "/metrics", "/healthz"} {
				if a := s.ask(t, "GET", path, "", c.header...); a.status != c.want {
					t.Errorf("GET %s: %d %s", path, a.status, a.body)
				}
			}
			if a := s.ask(t, "POST", orders+"rollback", "", c.header...); a.status != c.want {
				t.Errorf("rollback: %d %s", a.status, a.body)
			}
		})
	}
	for _, c := range f.given() {
		if c.By != Local {
			t.Errorf("by %q", c.By)
		}
	}
}
