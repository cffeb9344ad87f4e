package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// said is what one run of the program left behind.
type said struct {
	code     int
	out, err string
}

// against runs the program against a server that answers every request with h.
func against(t *testing.T, h http.HandlerFunc, env map[string]string, fancy bool, args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return during(ctx, t, h, env, fancy, args...)
}

// during is against, until ctx is done at the latest.
func during(ctx context.Context, t *testing.T, h http.HandlerFunc, env map[string]string, fancy bool, args ...string) said {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	var out, errs bytes.Buffer
	w := world{
		out: &out, err: &errs, fancy: fancy, zone: time.UTC, random: strings.NewReader(strings.Repeat("x", 64)),
		now: func() time.Time { return time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC) },
		getenv: func(name string) string {
			switch mlflow := env["MLFLOW_TRACKING_URI"] != ""; {
			case mlflow && name == "MLFLOW_TRACKING_URI", !mlflow && name == "HEADGATE_ADMIN":
				return server.URL
			}
			return env[name]
		},
	}
	code := execute(ctx, w, args)
	return said{code, out.String(), errs.String()}
}

func answering(status int, mediaType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

func TestExitCodeOfEachRefusal(t *testing.T) {
	cases := map[string]int{
		"refused": 3, "conflict": 3, "invalid": 1, "unreachable": 4, "unknown_model": 5, "unknown_version": 5,
		"unknown_stage": 6, "not_permitted": 7, "unauthenticated": 7, "internal": 1, "malformed": 1, "something new": 1,
	}
	for code, want := range cases {
		t.Run(code, func(t *testing.T) {
			body := fmt.Sprintf(`{"status":400,"code":%q,"detail":"it is so","hint":"do this"}`, code)
			got := against(t, answering(400, "application/problem+json", body), nil, false, "rollback", "m", "--reason", "x")
			if got != (said{want, "", "error: it is so\nhint: do this\n"}) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestSomethingElseListensThere(t *testing.T) {
	got := against(t, answering(200, "text/html", "<html>"), nil, false, "status")
	if got.code != 1 || !strings.Contains(got.err, "does not look like a headgate admin API") {
		t.Errorf("%+v", got)
	}
}

func TestTheTokenIsSentAndNeverShown(t *testing.T) {
	const token = "hg_planted-secret"
	sent := 0
	for _, args := range [][]string{{"status"}, {"status", "m"}, {"status", "--json"}, {"audit", "verify"}, {"audit", "export"}, {"doctor"},
		{"rollback", "m", "--reason", "x"}, {"start", "m", "--version", "1"}, {"register", "m", "--source", "s"},
		{"transition-stage", "--model-name", "m", "--version", "1", "--stage", "s"}} {
		got := against(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "Bearer "+token {
				sent++
			}
			answering(401, "application/problem+json", `{"status":401,"code":"unauthenticated","detail":"no"}`)(w, r)
		}, map[string]string{"HEADGATE_TOKEN": token}, false, args...)
		if got.code != exitNotPermitted || strings.Contains(got.out+got.err, "planted") {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if sent != 10 {
		t.Errorf("sent %d times", sent)
	}
}

func view(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "views", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// compare holds text against a golden file; UPDATE_GOLDEN=1 writes it.
func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
