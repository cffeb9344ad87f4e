package admin

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

const orders = "/api/v1/rollouts/churn-model/"

func TestRefusalsBecomeProblems(t *testing.T) {
	s := run(t, Config{}, &fake{})
	cases := map[rollout.Code]int{
		rollout.Refused: 409, rollout.Conflict: 409, rollout.Invalid: 422, rollout.Unreachable: 502,
		rollout.UnknownModel: 404, rollout.UnknownVersion: 404, rollout.NotPermitted: 403, UnknownStage: 422,
	}
	for code, status := range cases {
		t.Run(string(code), func(t *testing.T) {
			p := s.ask(t, "POST", "/api/v1/rollouts/"+string(code)+"/resume", `{}`).problem(t)
			want := Problem{Type: "urn:headgate:problem:" + string(code), Title: kinds[code].title, Status: status, Detail: "because " + string(code), Code: code, Hint: "do better"}
			if p != want {
				t.Errorf("got  %+v\nwant %+v", p, want)
			}
		})
	}
}

func TestAnOrderThatTakesTooLong(t *testing.T) {
	p := run(t, Config{}, &fake{}).ask(t, "POST", "/api/v1/rollouts/slow/promote", `{}`).problem(t)
	if p.Status != 502 || p.Code != rollout.Unreachable || !strings.Contains(p.Detail, "within 1m30s") {
		t.Errorf("%+v", p)
	}
}

func TestMalformedRequests(t *testing.T) {
	long := `{"reason":"` + strings.Repeat("x", MaxBody) + `"}`
	cases := []struct {
		name, method, path, body string
		header                   []string
		status                   int
		detail                   string
	}{
		{"no such address", "GET", "/api/v2/rollouts", "", nil, 404, "nothing is at this address"},
		{"unknown model", "GET", "/api/v1/rollouts/other", "", nil, 404, "because unknown_model"},
		{"wrong method", "DELETE", "/api/v1/rollouts", "", nil, 405, "this address is for GET only"},
		{"an order by GET", "GET", orders + "rollback", "", nil, 405, "this address is for POST only"},
		{"wrong method on metrics", "POST", "/metrics", "", nil, 405, "this address is for GET only"},
		{"a form", "POST", orders + "pause", "reason=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "the body has to be JSON and say so"},
		{"text/plain", "POST", orders + "pause", "{}", []string{"Content-Type", "text/plain"}, 415, "the body has to be JSON and say so"},
		{"not JSON", "POST", orders + "pause", "{reason}", nil, 400, "the body is not JSON: invalid character 'r' looking for beginning of object key string (byte 2)"},
		{"cut JSON", "POST", orders + "pause", `{"reason":`, nil, 400, "the body is not JSON: it ends early"},
		{"an array", "POST", orders + "pause", `[1]`, nil, 400, "the body has to be a JSON object, got array"},
		{"two values", "POST", orders + "pause", `{}{}`, nil, 400, "the body holds more than one JSON value"},
		{"unknown field", "POST", orders + "pause", `{"force":true}`, nil, 400, `unknown field "force"`},
		{"wrong type", "POST", orders + "rollback", `{"force":"yes"}`, nil, 400, `field "force": wanted bool, got string`},
		{"too long", "POST", orders + "pause", long, nil, 413, "the body is longer than 65536 bytes"},
		{"start without version", "POST", orders + "start", `{}`, nil, 400, `field "version" is missing: which version is to be tried?`},
		{"stage missing", "POST", "/api/v1/registry/transition-stage", `{"model":"m","version":"1"}`, nil, 400, `field "stage" is missing`},
		{"unknown stage", "POST", "/api/v1/registry/transition-stage", `{"model":"m","version":"1","stage":"prod"}`, nil, 422, "because unknown_stage"},
		{"bad If-Match", "POST", orders + "promote", `{}`, []string{"If-Match", "W/x"}, 400, "If-Match has to be one generation, as the ETag gave it"},
		{"bad limit", "GET", "/api/v1/journal?limit=0", "", nil, 400, "limit has to be a whole number from 1 to 1000"},
	}
	f := &fake{}
	s := run(t, Config{}, f)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := s.ask(t, c.method, c.path, c.body, c.header...).problem(t)
			if p.Status != c.status || p.Detail != c.detail {
				t.Errorf("got %d %q, want %d %q", p.Status, p.Detail, c.status, c.detail)
			}
		})
	}
	if got := f.given(); len(got) != 0 {
		t.Errorf("orders reached the backend: %+v", got)
	}
}

func TestOrdersArriveWhole(t *testing.T) {
	seven, six := uint64(7), uint64(6)
	cases := []struct {
		kind, body, ifMatch string
		want                rollout.Command
		status              int
	}{
		{"start", `{"version":"3","baseline":"2","reason":"r","again":true,"unverified":true}`, `"7"`,
			rollout.Command{Version: "3", Baseline: "2", Reason: "r", Again: true, Unverified: true, IfMatch: &seven}, 200},
		{"promote", `{}`, `"6"`, rollout.Command{IfMatch: &six}, 412},
		{"advance", ``, ``, rollout.Command{}, 200},
		{"resume", `{"reason":"fixed"}`, `*`, rollout.Command{Reason: "fixed"}, 200},
		{"rollback", `{"reason":"bad","force":true}`, `"6"`, rollout.Command{Reason: "bad", Force: true}, 200},
		{"rollback", ``, `nonsense`, rollout.Command{}, 200},
		{"pause", `{}`, `"6"`, rollout.Command{}, 200},
	}
	for _, c := range cases {
		t.Run(c.kind+" "+c.ifMatch, func(t *testing.T) {
			f := &fake{}
			s := run(t, Config{}, f)
			a := s.ask(t, "POST", orders+c.kind, c.body, "If-Match", c.ifMatch)
			if a.status != c.status {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if a.status == 200 && a.header.Get("ETag") != `"8"` {
				t.Errorf("ETag %q", a.header.Get("ETag"))
			}
			got := f.given()[0]
			c.want.Kind, c.want.By = rollout.Kind(c.kind), Local
			if (got.IfMatch == nil) != (c.want.IfMatch == nil) || got.IfMatch != nil && *got.IfMatch != *c.want.IfMatch {
				t.Errorf("IfMatch %v, want %v", got.IfMatch, c.want.IfMatch)
			}
			got.IfMatch, c.want.IfMatch = nil, nil
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if !f.deadline {
				t.Error("the order has no deadline")
			}
		})
	}
}

// A caller who hangs up has given the order all the same.
func TestAnOrderOutlivesItsCaller(t *testing.T) {
	f := &fake{gate: make(chan struct{}), entered: make(chan struct{})}
	s := run(t, Config{}, f)
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "POST "+orders+"rollback HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-f.entered
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // the server notices the hang-up
	close(f.gate)
	for range 100 {
		if len(f.given()) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.commands) != 1 {
		t.Fatal("the order was lost with its caller")
	}
}

func TestModelNamesSurviveThePath(t *testing.T) {
	s := run(t, Config{}, &fake{})
	for path, want := range map[string]string{"a%2Fb": "a/b", "%2E%2E": "..", "m%C3%B6del": "mödel"} {
		a := s.ask(t, "GET", "/api/v1/rollouts/"+path, "")
		var v rollout.View
		if err := json.Unmarshal([]byte(a.body), &v); err != nil || v.Model != want || a.header.Get("ETag") != `"7"` {
			t.Errorf("%s: %d %s (%v)", path, a.status, a.body, err)
		}
	}
}

func TestListsAreNeverNull(t *testing.T) {
	s := run(t, Config{}, &fake{})
	if a := s.ask(t, "GET", "/api/v1/incidents", ""); strings.TrimSpace(a.body) != "[]" {
		t.Errorf("incidents: %s", a.body)
	}
	if a := s.ask(t, "GET", "/api/v1/rollouts", ""); !strings.Contains(a.body, `"gates":[]`) || !strings.Contains(a.body, `"serving":[]`) {
		t.Errorf("rollouts: %s", a.body)
	}
	if a := s.ask(t, "GET", "/api/v1/journal?from=9", ""); strings.TrimSpace(a.body) != `{"entries":[],"next":null}` {
		t.Errorf("journal: %s", a.body)
	}
}

// A record's hash is over its bytes: they arrive as they are.
func TestRecordsKeepTheirBytes(t *testing.T) {
	s := run(t, Config{}, &fake{})
	a := s.ask(t, "GET", "/api/v1/journal?from=4&limit=1", "")
	if !strings.Contains(a.body, `"sealed":{"a":"<"},"body":{"b":"&"}}],"next":5}`) {
		t.Error(a.body)
	}
}

func TestHeadIsAGetWithoutBody(t *testing.T) {
	s := run(t, Config{}, &fake{})
	if a := s.ask(t, http.MethodHead, "/api/v1/rollouts", ""); a.status != 200 || a.body != "" {
		t.Errorf("%d %q", a.status, a.body)
	}
}

// The text of an unforeseen error and the value of a panic stay in the log;
// bodies and tokens get into neither.
func TestAPlantedSecretIsNeverShown(t *testing.T) {
	s := run(t, Config{}, &fake{})
	var shown strings.Builder
	for _, a := range []reply{
		s.ask(t, "GET", "/api/v1/rollouts/broken", ""),
		s.ask(t, "GET", "/api/v1/rollouts/panic", ""),
		s.ask(t, "GET", "/api/v1/rollouts", "", "Authorization", "Bearer "+planted),
		s.ask(t, "POST", orders+"pause", `{"reason": 1, "x":"`+planted+`"}`),
		s.ask(t, "POST", orders+"pause", planted),
		s.ask(t, "GET", "/metrics", "", "Authorization", "Bearer "+planted),
		s.ask(t, "GET", "/nowhere", "", "Cookie", planted),
	} {
		shown.WriteString(a.body)
		for _, values := range a.header {
			shown.WriteString(strings.Join(values, " "))
		}
	}
	if strings.Contains(shown.String(), planted) {
		t.Errorf("shown: %s", shown.String())
	}
	if !strings.Contains(s.log.String(), "admin handler panicked") || !strings.Contains(s.log.String(), "admin request failed") {
		t.Errorf("the log says nothing: %s", s.log)
	}
}
