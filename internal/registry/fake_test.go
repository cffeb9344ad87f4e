package registry

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/freeport"
)

// answers serves the same answer to everything and counts the calls: for what a
// real server cannot be made to say.
func answers(t *testing.T, status int, body string, headers ...string) (*MLflow, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client may have hung up
	}))
	t.Cleanup(s.Close)
	return fakeClient(t, MLflowConfig{TrackingURI: s.URL}), &calls
}

func fakeClient(t *testing.T, c MLflowConfig) *MLflow {
	t.Helper()
	whole := Config{MLflow: &c}
	whole.SetDefaults()
	c.CallsPerSecond = 1000
	m, err := NewMLflow(c, Options{Getenv: func(string) string { return "" }, Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m.backoff = time.Millisecond
	t.Cleanup(m.Close)
	return m
}

func read(m *MLflow) error {
	_, err := m.Versions(context.Background(), "churn")
	return err
}

func write(m *MLflow) error {
	return m.moveStage(context.Background(), "move", "churn", "1", StageProduction, true)
}

func tagging(m *MLflow) error {
	return m.setTag(context.Background(), "tag", "churn", "1", "k", "v")
}

func TestAnswersInWords(t *testing.T) {
	const sql = `(sqlite3.OperationalError) database is locked [SQL: UPDATE model_versions SET x=?] [parameters: ('secret-model',)]`
	cases := []struct {
		name   string
		status int
		body   string
		header string
		do     func(*MLflow) error
		kind   Kind
		calls  int32
		text   string
		hint   string
	}{
		{"unknown model", 404, `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"no"}`, "", read, UnknownModel, 1, `model "churn" is not in the registry`, "headgate register"},
		{"alias unknown by a 400", 400, `{"error_code":"INVALID_PARAMETER_VALUE","message":"alias x not found"}`, "", tagging, Invalid, 1, "alias x not found", ""},
		{"not signed in, as text", 401, "You are not authenticated.", "", read, Unauthenticated, 1, "asks for a sign-in (401): You are not authenticated.", "MLFLOW_TRACKING_USERNAME"},
		{"not allowed, as text", 403, "Permission denied", "", tagging, Denied, 1, "does not allow it (403): Permission denied", "EDIT"},
		{"not allowed, by code", 403, `{"error_code":"PERMISSION_DENIED","message":"no"}`, "", tagging, Denied, 1, "no", "EDIT"},
		{"host refused", 403, "Invalid Host header - possible DNS rebinding attack detected", "", read, HostRefused, 1, "refuses to be called as", "--allowed-hosts"},
		{"html of a missing route", 404, "<html><head><style>a{}</style><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>", "", read, Unsupported, 1, "lacks this call (404): 404 Not Found Not Found", "path included"},
		{"dagshub lacks the call", 404, `{"error":"unsupported endpoint"}`, "", write, Unsupported, 1, "unsupported endpoint", ""},
		{"wrong method", 405, "Method Not Allowed", "", write, Unsupported, 1, "lacks this call (405)", ""},
		{"workspaces disabled, a permanent 500", 500, `{"error_code":"FEATURE_DISABLED","message":"no workspaces"}`, "", read, Unsupported, 1, "no workspaces", "leave it out"},
		{"artifacts only, a permanent 503", 503, "Endpoint: /api disabled due to the mlflow server running in `--artifacts-only` mode.", "", read, ArtifactsOnly, 1, "keeps artifacts only", "tracking server"},
		{"a crash, as html", 500, "<h1>Internal Server Error</h1>", "", tagging, Server, attempts, "MLflow failed (500): Internal Server Error", ""},
		{"statements are cut", 500, `{"error_code":"INTERNAL_ERROR","message":"` + sql + `"}`, "", tagging, Server, attempts, "database is locked", ""},
		{"busy", 503, `{"error_code":"TEMPORARILY_UNAVAILABLE","message":"busy"}`, "", tagging, Server, attempts, "busy", ""},
		{"a gateway", 502, "", "", read, Server, attempts, "MLflow failed (502): no text", ""},
		{"a gateway's time-out", 504, "", "", read, Server, attempts, "MLflow failed (504)", ""},
		{"request time-out", 408, "", "", read, Server, attempts, "MLflow failed (408)", ""},
		{"too many calls", 429, "slow down", "", read, RateLimited, attempts, "fewer calls (429): slow down", "calls_per_second"},
		{"too many calls for long", 429, "slow down", "3600", read, RateLimited, 1, "slow down", ""},
		{"a change is never repeated unread", 503, "busy", "", write, Server, 1, "busy", ""},
		{"a sign-in page with 200", 200, "<html><title>Sign in</title></html>", "", read, Invalid, 1, "not MLflow's JSON: Sign in", "sign-in page"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, calls := answers(t, c.status, c.body, "Retry-After", c.header)
			err := c.do(m)
			e, ok := asError(err)
			if !ok || e.Kind != c.kind || !strings.Contains(e.Message, c.text) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("error %v (%+v), want %s %q, hint %q", err, e, c.kind, c.text, c.hint)
			}
			if got := calls.Load(); got != c.calls {
				t.Errorf("%d calls, want %d", got, c.calls)
			}
			if strings.Contains(err.Error(), "SQL") || strings.Contains(err.Error(), "secret-model") {
				t.Errorf("a statement leaks: %v", err)
			}
		})
	}
}

func TestHostRefusedNamesThePort(t *testing.T) {
	m, _ := answers(t, 403, "Invalid Host header")
	if e, _ := asError(read(m)); !strings.Contains(e.Hint, `--allowed-hosts "`+m.host+`"`) || !strings.Contains(m.host, ":") {
		t.Errorf("hint %q does not name %s", e.Hint, m.host)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(s.Close)
	m := fakeClient(t, MLflowConfig{TrackingURI: s.URL})
	start := time.Now()
	if err := tagging(m); err != nil || calls.Load() != 2 || time.Since(start) < time.Second {
		t.Errorf("%v after %s and %d calls", err, time.Since(start), calls.Load())
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "Thu, 01 Jan 2026 00:00:30 GMT": 30 * time.Second, "Wed, 31 Dec 2025 00:00:30 GMT": 0,
	} {
		if got := retryAfter(header, at); got != want {
			t.Errorf("retryAfter(%q) = %s, want %s", header, got, want)
		}
	}
}

func TestRedirects(t *testing.T) {
	m, calls := answers(t, 302, "", "Location", "https://user:geheim@elsewhere.example/x?token=geheim")
	for _, do := range []func(*MLflow) error{write, tagging, read} {
		calls.Store(0)
		err := do(m)
		if kindOf(err) != Invalid || !strings.Contains(err.Error(), "redirects to https://elsewhere.example, ") || strings.Contains(err.Error(), "geheim") || calls.Load() != 1 {
			t.Errorf("%v after %d calls", err, calls.Load())
		}
	}
}

func TestHungServer(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	m := fakeClient(t, MLflowConfig{TrackingURI: s.URL})
	m.timeout = 50 * time.Millisecond
	if err := write(m); kindOf(err) != Unreachable || permanent(err) || !strings.Contains(err.Error(), "whether it did the work is unknown") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	m.timeout = time.Minute
	if _, err := m.Versions(ctx, "churn"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestUnreachable(t *testing.T) {
	gone, err := freeport.TakeAddress()
	if err != nil {
		t.Fatal(err)
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	t.Cleanup(secure.Close)
	cases := []struct{ name, uri, text, hint string }{
		{"nothing listens", "http://" + gone, "connection refused", "is MLflow running"},
		{"unknown name", "http://no-such-host.invalid:5000", `the name "no-such-host.invalid" of the tracking URI`, "check the host"},
		{"unknown authority", secure.URL, "the TLS connection to " + secure.URL + " failed", "ca_cert"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := fakeClient(t, MLflowConfig{TrackingURI: c.uri, Username: "ann", Password: "geheimnis"})
			got := m.Diagnose(t.Context(), []string{"churn"})
			if len(got) != 1 || got[0].Level != LevelError || !strings.Contains(got[0].What, c.text) || !strings.Contains(got[0].Hint, c.hint) {
				t.Errorf("findings %s", words(got))
			}
			if strings.Contains(words(got), "geheimnis") {
				t.Error("the password leaks")
			}
			if err := read(m); kindOf(err) != Unreachable {
				t.Errorf("kind %s", kindOf(err))
			}
		})
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }))
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificate(s.Certificate().Raw); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]MLflowConfig{
		"own authority": {TrackingURI: s.URL, CACert: ca}, "any certificate": {TrackingURI: s.URL, InsecureTLS: true},
	} {
		if err := read(fakeClient(t, c)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]MLflowConfig{
		"both": {TrackingURI: s.URL, CACert: ca, InsecureTLS: true}, "no such file": {TrackingURI: s.URL, CACert: ca + "x"},
		"no certificate": {TrackingURI: s.URL, ClientCert: ca}, "no pem": {TrackingURI: s.URL, CACert: os.Args[0]},
	} {
		if _, err := NewMLflow(c, Options{Getenv: func(string) string { return "" }, Home: t.TempDir()}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestSignIn(t *testing.T) {
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	cases := []struct {
		name string
		c    MLflowConfig
		env  map[string]string
		file string
		host string
		want string
	}{
		{name: "nothing", want: ""},
		{name: "user and password", c: MLflowConfig{Username: "ann", Password: "pw"}, want: basic("ann", "pw")},
		{name: "token", c: MLflowConfig{Token: "tok"}, want: "Bearer tok"},
		{name: "user and password win over a token", c: MLflowConfig{Username: "ann", Password: "pw", Token: "tok"}, want: basic("ann", "pw")},
		{name: "auth bearer wins over user and password", c: MLflowConfig{Auth: AuthBearer, Username: "ann", Password: "pw", Token: "tok"}, want: "Bearer tok"},
		{name: "token as both", c: MLflowConfig{Auth: AuthBasicToken, Token: "tok"}, want: basic("tok", "tok")},
		{name: "dagshub takes the token as both", c: MLflowConfig{Token: "tok"}, host: "dagshub.com", want: basic("tok", "tok")},
		{name: "dagshub with user and token", c: MLflowConfig{Username: "ann", Password: "tok"}, host: "dagshub.com", want: basic("ann", "tok")},
		{name: "none", c: MLflowConfig{Auth: AuthNone, Token: "tok"}, want: ""},
		{name: "environment", env: map[string]string{"MLFLOW_TRACKING_USERNAME": "eve", "MLFLOW_TRACKING_PASSWORD": "env"}, want: basic("eve", "env")},
		{name: "token of the environment", env: map[string]string{"MLFLOW_TRACKING_TOKEN": "envtok"}, want: "Bearer envtok"},
		{name: "the policy wins over the environment", c: MLflowConfig{Token: "tok"}, env: map[string]string{"MLFLOW_TRACKING_USERNAME": "eve", "MLFLOW_TRACKING_PASSWORD": "env"}, want: "Bearer tok"},
		{name: "credentials file", file: "[mlflow]\nmlflow_tracking_username = fay\nmlflow_tracking_password = a=b\n", want: basic("fay", "a=b")},
		{name: "another section", file: "[other]\nmlflow_tracking_username = fay\n", want: ""},
		{name: "environment wins over the file", env: map[string]string{"MLFLOW_TRACKING_TOKEN": "envtok"}, file: "[mlflow]\nmlflow_tracking_username=fay\nmlflow_tracking_password=x\n", want: "Bearer envtok"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			if c.file != "" {
				if err := os.Mkdir(filepath.Join(home, ".mlflow"), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(home, ".mlflow", "credentials"), []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			host := c.host
			setDefault(&host, "mlflow.example")
			c.c.TrackingURI = "https://" + host + "/team/churn.mlflow"
			whole := Config{MLflow: &c.c}
			whole.SetDefaults()
			m, err := NewMLflow(c.c, Options{Getenv: func(k string) string { return c.env[k] }, Home: home})
			if err != nil {
				t.Fatal(err)
			}
			req, err := m.request(t.Context(), call{method: http.MethodGet, path: "runs/get"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := req.Header.Get("Authorization"); got != c.want {
				t.Errorf("Authorization %q, want %q", got, c.want)
			}
			if want := "https://" + host + "/team/churn.mlflow/api/2.0/mlflow/runs/get"; req.URL.String() != want {
				t.Errorf("address %s, want %s", req.URL, want)
			}
		})
	}
}

func TestCredentialsInTheAddress(t *testing.T) {
	m := fakeClient(t, MLflowConfig{TrackingURI: "http://ann:geheim@127.0.0.1:1/mlflow/"})
	if m.sign != (signIn{user: "ann", password: "geheim"}) || m.base != "http://127.0.0.1:1/mlflow" {
		t.Errorf("sign-in as %q at %s", m.sign.user, m.base)
	}
	m, calls := answers(t, 403, "the token geheimnis is not allowed")
	m.sign = signIn{bearer: "geheimnis"}
	if err := tagging(m); strings.Contains(err.Error(), "geheimnis") || calls.Load() != 1 {
		t.Errorf("the secret leaks: %v", err)
	}
}

func TestNoStages(t *testing.T) {
	for _, c := range []struct{ mode, text string }{
		{ModeStages, "error the server has no stages: the server lacks this call (404): unsupported endpoint | this server has no stages: set registry.mlflow.mode to aliases"},
		{ModeAliases, "error the server has no aliases"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/search") {
				_, _ = w.Write([]byte(`{}`))
				return
			}
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error":"unsupported endpoint"}`))
		}))
		m := fakeClient(t, MLflowConfig{TrackingURI: s.URL, Mode: c.mode})
		if got := words(m.Diagnose(t.Context(), nil)); !strings.Contains(got, c.text) || !strings.Contains(got, "cannot log a run's parameters") {
			t.Errorf("findings %s", got)
		}
		s.Close()
	}
}

// A user who may set aliases and tags and not delete them can still roll back.
func TestDeletingIsDenied(t *testing.T) {
	var cleared atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		cleared.Store(true)
	}))
	t.Cleanup(s.Close)
	m := fakeClient(t, MLflowConfig{TrackingURI: s.URL, Mode: ModeAliases})
	if err := m.dropTag(t.Context(), "finish", "churn", "1", tagRollout); err != nil || !cleared.Load() {
		t.Errorf("dropping a tag: %v", err)
	}
	v := Version{Model: "churn", Version: "2", Aliases: []string{"challenger"}}
	if err := m.dropCandidateAlias(t.Context(), "restore", v); err != nil || !m.aliasStays.Load() {
		t.Errorf("dropping an alias: %v", err)
	}
}
