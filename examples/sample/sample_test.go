package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackend(t *testing.T) {
	b := newBackend("sample-model", "Staging", served{version: "2"})
	s := httptest.NewServer(b.handler())
	defer s.Close()
	const health2 = `{"model":"sample-model","stage":"Staging","status":"ok","version":"2"}`
	steps := []struct {
		name, method, path, body string
		code                     int
		want                     string
	}{
		{"health", "GET", "/health", "", 200, health2},
		{"predict", "POST", "/predict", `{"features": [[3],[-3]], "group": "b"}`, 200, `{"predictions":[1,0],"probabilities":[0.9`},
		{"not JSON", "POST", "/predict", `{`, 400, `the body is not`},
		{"groups", "POST", "/predict", `{"features": [[3],[-3]], "group": ["a", "b"]}`, 200, `{"predictions":[1,0]`},
		{"no groups", "POST", "/predict", `{"features": [[3]], "group": 7}`, 400, `neither text`},
		{"no rows", "POST", "/predict", `{}`, 400, `missing or empty`},
		{"wrong method", "GET", "/predict", ``, 405, ``},
		{"reload keeps what it has", "POST", "/reload", ``, 200, health2},
		{"become nothing", "POST", "/become", ``, 400, `version is missing`},
		{"become half broken", "POST", "/become?version=3&error_rate=2", ``, 400, `wanted a number from 0 to 1`},
		{"become slow", "POST", "/become?version=3&latency=x", ``, 400, `wanted a duration`},
		{"become what", "POST", "/become?version=3&quality=x", ``, 400, `nothing of that name`},
		{"become unfair", "POST", "/become?version=3&unfair=1.5", ``, 400, `unfair \"1.5\": wanted a number from 0 to 1`},
		{"become NaN", "POST", "/become?version=3&nan=1", ``, 200, `"version":"3"`},
		{"answers NaN", "POST", "/predict", `{"features": [[3]]}`, 200, `{"predictions":[NaN],"probabilities":[NaN]}`},
		{"become unkind", "POST", "/become?version=3&unfair=1&drift=-0.5", ``, 200, `"version":"3"`},
		{"group a", "POST", "/predict", `{"features": [[3]], "group": "a"}`, 200, `{"predictions":[1]`},
		{"group b", "POST", "/predict", `{"features": [[3]], "group": "b"}`, 200, `{"predictions":[0],"probabilities":[0.4`},
		{"become broken", "POST", "/become?version=3&error_rate=1&latency=1ms", ``, 200, `"version":"3"`},
		{"fails", "POST", "/predict", `{"features": [[1]]}`, 500, `version 3 cannot predict this`},
	}
	for _, tt := range steps {
		req, err := http.NewRequest(tt.method, s.URL+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != tt.code || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: %d %s, want %d %s", tt.name, resp.StatusCode, body, tt.code, tt.want)
		}
	}
}

func TestPairEndsWithItsCommand(t *testing.T) {
	args := []string{"pair", "--production", "127.0.0.1:0", "--staging", "127.0.0.1:0", "--rate", "0", "--"}
	if err := run(context.Background(), append(args, "true"), io.Discard); err != nil {
		t.Error(err)
	}
	if err := run(context.Background(), append(args, "false"), io.Discard); err == nil {
		t.Error("the command failed and the pair did not")
	}
}

// The command gets one SIGTERM and the time to end by itself.
func TestPairStopsItsCommand(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	marker := t.TempDir() + "/drained"
	script := `trap 'echo done > ` + marker + `; exit 0' TERM; echo up > ` + marker + `.up; while :; do sleep 0.05; done`
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"pair", "--production", "127.0.0.1:0", "--staging", "127.0.0.1:0", "--rate", "100", "--through", "http://127.0.0.1:1", "--", "sh", "-c", script}, io.Discard)
	}()
	for range 200 {
		if _, err := os.Stat(marker + ".up"); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(marker); err != nil {
		t.Error("the command was not let to drain:", err)
	}
}

func TestProductionReloadsWhatWasPromoted(t *testing.T) {
	baseline, candidate := newBackend("m", "Production", served{version: "1"}), newBackend("m", "Staging", served{version: "2"})
	baseline.reload = candidate.now.Load
	w := httptest.NewRecorder()
	baseline.handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/reload", nil))
	if !strings.Contains(w.Body.String(), `"version":"2"`) {
		t.Errorf("serves %s after the reload, want version 2", w.Body)
	}
}

func TestOneBackendStopsOnSignal(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run(ctx, []string{"--listen", "127.0.0.1:0", "--version", "7"}, io.Discard); err != nil {
		t.Error(err)
	}
	if err := run(ctx, []string{"--listen", "256.0.0.1:0"}, io.Discard); err == nil {
		t.Error("a bad address was taken")
	}
}

func TestTallyBeginsWithTheFirstAnswer(t *testing.T) {
	var seen tally
	for _, ok := range []bool{false, false, true, false, true} {
		seen.add(ok)
	}
	if got := seen.take(); got != "2 requests answered, 1 failed in the last 10s" {
		t.Error(got)
	}
}
