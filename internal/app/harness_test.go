package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/rollout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// modelServer is a model server as Headgate sees one: a version, a health
// answer, a reload hook, and faults on demand.
type modelServer struct {
	*httptest.Server
	version  atomic.Value // string
	reloadTo atomic.Value // string: what POST /reload loads
	failing  atomic.Int64 // of 100 predictions, how many answer 500
	delay    atomic.Int64 // nanoseconds before each answer
	served   atomic.Int64
}

func newModelServer(t *testing.T, version string) *modelServer {
	s := &modelServer{}
	s.version.Store(version)
	s.reloadTo.Store(version)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"status": "ok", "version": s.version.Load().(string)})
	})
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, r *http.Request) {
		if v := r.URL.Query().Get("version"); v != "" {
			s.reloadTo.Store(v)
		}
		s.version.Store(s.reloadTo.Load())
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("POST /predict", func(w http.ResponseWriter, _ *http.Request) {
		n := s.served.Add(1)
		time.Sleep(time.Duration(s.delay.Load()))
		if n*37%100 < s.failing.Load() {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, `{"predictions":[1]}`)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// rig is a whole headgate on free ports with two model servers behind it.
type rig struct {
	t                   *testing.T
	dir, file           string
	baseline, candidate *modelServer
	registry            string // YAML of the registry section
	models              string // more lines of the model's policy
	after               string // after_promote
	app                 *App
	stopped             func()
}

const rigPolicy = `version: 1
traffic: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
state: {dir: %[1]q}
registry: %[2]s
routes:
  - name: all
    match: {path_prefix: /}
    model: m
    baseline:  {upstreams: [%[3]q], version_from: {path: /health, field: version}}
    candidate: {upstreams: [%[4]q], version_from: {path: /health, field: version}}
    key: {header: X-User-Id}
    timeout: 2s
    expose_arm: true
models:
  m:
    false_rollback: 1%%
    warm_up: 0s
    min_requests: 20
    after_promote: %[8]s
    plan:
      - canary: {weight: 50%%, hold: %[5]s}
      - promote: {}
      - bake: {hold: %[6]s}
    gates:
      - {name: errors, require: "error_rate <= baseline + 10%%"}
      - {name: latency, require: "latency_p95 <= 400ms"}
    incidents: [{file: %[7]q}]
`

func newRig(t *testing.T, hold, bake string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), baseline: newModelServer(t, "1"), candidate: newModelServer(t, "2"), registry: "{local: {}}", after: "{reload: POST /reload, timeout: 5s}"}
	r.file = filepath.Join(r.dir, "policy.yaml")
	r.write(hold, bake)
	return r
}

func (r *rig) write(hold, bake string) {
	r.t.Helper()
	text := fmt.Sprintf(rigPolicy, filepath.Join(r.dir, "state"), r.registry, r.baseline.URL, r.candidate.URL, hold, bake, filepath.Join(r.dir, "incidents"), r.after) + r.models
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) boot() {
	r.t.Helper()
	p, err := configs.Load(r.file)
	if err != nil {
		r.t.Fatal(err)
	}
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: testLog{r.t}})
	a, err := New(p, Options{Log: log, ConfigPath: r.file})
	if err != nil {
		r.t.Fatal(err)
	}
	r.app = a
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	var once sync.Once
	r.stopped = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				r.t.Errorf("run: %v", err)
			}
		})
	}
	r.t.Cleanup(r.stopped)
}

// traffic sends about 200 requests a second, a new user each, until stopped;
// it returns how many failed on the baseline's arm.
func (r *rig) traffic() (stop func() (baselineFailures int64)) {
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var failed, user atomic.Int64
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	for range 8 {
		wait.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.app.proxy.Addr().String()+"/predict", strings.NewReader(`{"features":[[1]]}`))
				if err != nil {
					return
				}
				req.Header.Set("X-User-Id", fmt.Sprint("u", user.Add(1)))
				res, err := client.Do(req)
				if err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					if res.StatusCode != http.StatusOK && res.Header.Get("X-Headgate-Arm") == "baseline" {
						failed.Add(1)
					}
				}
				time.Sleep(40 * time.Millisecond)
			}
		})
	}
	var once sync.Once
	stop = func() int64 {
		once.Do(func() { cancel(); wait.Wait(); client.CloseIdleConnections() })
		return failed.Load()
	}
	r.t.Cleanup(func() { stop() })
	return stop
}

func (r *rig) view() rollout.View {
	r.t.Helper()
	v, err := r.app.View("m")
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func (r *rig) do(c rollout.Command) rollout.View {
	r.t.Helper()
	v, err := r.app.Command(r.t.Context(), "m", c)
	if err != nil {
		r.t.Fatalf("%s: %v", c.Kind, err)
	}
	return v
}

func (r *rig) await(what string, ok func(rollout.View) bool) rollout.View {
	r.t.Helper()
	const limit = time.Minute // the machine may be busy
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if v := r.view(); ok(v) {
			return v
		}
	}
	v := r.view()
	r.t.Fatalf("%s did not happen in %s: %s(%s) at %s: %s %+v", what, limit, v.Phase, v.Reason, v.Weight, v.Message, v.Registry)
	return v
}

// ready waits until both arms were probed.
func (r *rig) ready() {
	r.await("probes", func(v rollout.View) bool {
		up := 0
		for _, s := range v.Serving {
			if s.Up {
				up++
			}
		}
		return up == 2
	})
}

func (r *rig) incidents() []map[string]any {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.dir, "incidents", "*.json"))
	if err != nil {
		r.t.Fatal(err)
	}
	var out []map[string]any
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			r.t.Fatal(err)
		}
		var in map[string]any
		if err := json.Unmarshal(data, &in); err != nil {
			r.t.Fatalf("%s: %v", f, err)
		}
		out = append(out, in)
	}
	return out
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// loseState makes the journal forget one key, as a journal that was lost and
// begun anew would have.
func (r *rig) loseState(key string) {
	r.t.Helper()
	j, err := journal.Open(journal.Config{Dir: filepath.Join(r.dir, "state")}, hclog.NewNullLogger())
	if err != nil {
		r.t.Fatal(err)
	}
	_, rev, err := j.Load(r.t.Context(), key)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := j.Commit(r.t.Context(), key, rev, fmt.Appendf(nil, `{"format":1,"model":%q,"phase":"none"}`, strings.TrimPrefix(key, "rollout/"))); err != nil {
		r.t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		r.t.Fatal(err)
	}
}
