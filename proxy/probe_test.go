package proxy

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func TestVersionIn(t *testing.T) {
	for _, tc := range []struct{ body, path, want string }{
		{`{"version":"3"}`, "version", "3"},
		{`{"version":3}`, "version", "3"},
		{`{"version":12345678901234567890}`, "version", "12345678901234567890"},
		{`{"model":{"version":"7"}}`, "model.version", "7"},
		{`[{"v":1}]`, "0.v", "1"},
		{`{"version":""}`, "version", ""},
		{`{"version":null}`, "version", ""},
		{`{"version":true}`, "version", ""},
		{`{"version":{"a":1}}`, "version", ""},
		{`{}`, "version", ""},
		{`not JSON`, "version", ""},
		{`{"version":"3"`, "version", ""},
	} {
		got, err := versionIn([]byte(tc.body), tc.path)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s at %s: got %q, %v", tc.body, tc.path, got, err)
		}
	}
}

func TestServingTruth(t *testing.T) {
	var first, second atomic.Pointer[string]
	health := func(answer *atomic.Pointer[string]) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			text := *answer.Load()
			if status, found := strings.CutPrefix(text, "status "); found {
				w.WriteHeader(map[string]int{"503": 503}[status])
				return
			}
			_, _ = io.WriteString(w, text)
		}
	}
	for _, tc := range []struct {
		name, first, second, version string
		up                           int
		agree                        bool
	}{
		{"both the same", `{"version":"3"}`, `{"version":3}`, "3", 2, true},
		{"they differ", `{"version":"3"}`, `{"version":"4"}`, "", 2, false},
		{"one is down", `{"version":"3"}`, `status 503`, "3", 1, true},
		{"both are down", `status 503`, `status 503`, "", 0, false},
		{"one says nothing", `{"version":"3"}`, `{}`, "3", 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			first.Store(&tc.first)
			second.Store(&tc.second)
			c := oneRoute(startBackend(t, health(&first)), "")
			c.Routes[0].Baseline.Upstreams = append(c.Routes[0].Baseline.Upstreams, startBackend(t, health(&second)))
			c.Routes[0].Baseline.VersionFrom = &VersionFrom{Path: "/health", Field: "version"}
			p := startProxy(t, c)
			eventually(t, "both were probed", func() bool {
				h := p.Health(model).Baseline
				return !h.Upstreams[0].At.IsZero() && !h.Upstreams[1].At.IsZero()
			})
			h := p.Health(model).Baseline
			if h.Version != tc.version || h.Up != tc.up || h.Agree != tc.agree || h.Total != 2 || !h.Verifiable {
				t.Errorf("got %+v", h)
			}
		})
	}
}

func TestHealthOfWhatIsNotThere(t *testing.T) {
	p := startProxy(t, oneRoute(startBackend(t, says("baseline")), ""))
	if h := p.Health("another"); h.Baseline.Total != 0 {
		t.Errorf("got %+v", h)
	}
	eventually(t, "a connection that opens is enough", func() bool { return p.Health(model).Baseline.Up == 1 })
	if h := p.Health(model); h.Baseline.Verifiable || h.Baseline.Agree || h.Candidate.Total != 0 {
		t.Errorf("got %+v", h)
	}
}
