package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// newScorer is a model server that answers each user as score says, or not at
// all where it says so.
func newScorer(t *testing.T, version string, score func(user int, r *http.Request) (float64, bool)) *modelServer {
	s := &modelServer{}
	s.version.Store(version)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"version": s.version.Load().(string)})
	})
	mux.HandleFunc("POST /predict", func(w http.ResponseWriter, r *http.Request) {
		s.served.Add(1)
		var user int
		_, _ = fmt.Sscanf(r.Header.Get("X-User-Id"), "u%d", &user)
		_, _ = io.Copy(io.Discard, r.Body) // as a model server does before it computes
		p, ok := score(user, r)
		if !ok {
			<-r.Context().Done()
			return
		}
		class := 0
		if p >= .5 {
			class = 1
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"predictions":[%d],"probabilities":[%g]}`, class, p)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

const shadowPolicy = `version: 1
traffic: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
state: {dir: %[1]q}
registry: {local: {}}
routes:
  - name: all
    model: m
    baseline:  {upstreams: [%[2]q], version_from: {path: /health, field: version}}
    candidate: {upstreams: [%[3]q], version_from: {path: /health, field: version}}
    key: {header: X-User-Id}
    timeout: 2s
    payload: {scores: probabilities}
    shadow:
      limits: {timeout: 500ms, concurrency: 8}
      compare: {predictions: predictions, score: probabilities}
      redact: [features]
%[4]s
models:
  m:
    warm_up: 0s
    min_requests: 20
    outcomes: {windows: {label: 1h, click: 1h}}
    plan:
      - shadow: {share: 100%%, hold: 2s}
      - canary: {weight: 50%%, hold: 1h}
    gates:
%[5]s
      - {name: errors, rollback_when: "error_rate > 50%%"}
    incidents: [{file: %[6]q}]
`

func newShadowRig(t *testing.T, baseline, candidate *modelServer, noise, gates string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), baseline: baseline, candidate: candidate}
	r.file = filepath.Join(r.dir, "policy.yaml")
	text := fmt.Sprintf(shadowPolicy, filepath.Join(r.dir, "state"), baseline.URL, candidate.URL, noise, gates, filepath.Join(r.dir, "incidents"))
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.boot()
	r.ready()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	return r
}

// users sends requests of a new user each until stopped; answered is called
// with every answer.
func (r *rig) users(answered func(user int, id string)) (stop func() (asked, failed int64, slowest time.Duration)) {
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var users, failures, slow atomic.Int64
	web := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	for range 8 {
		wait.Go(func() {
			for ctx.Err() == nil {
				n := int(users.Add(1))
				req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+r.app.proxy.Addr().String()+"/predict", strings.NewReader(`{"features":["ann@example"]}`))
				if err != nil {
					return
				}
				id := fmt.Sprint("req-", n)
				req.Header.Set("X-User-Id", fmt.Sprint("u", n))
				req.Header.Set("X-Request-Id", id)
				begun := time.Now()
				res, err := web.Do(req)
				if err != nil || res.StatusCode != http.StatusOK {
					failures.Add(1)
				}
				if err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					answered(n, id)
				}
				if took := int64(time.Since(begun)); took > slow.Load() {
					slow.Store(took)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	var once sync.Once
	stop = func() (int64, int64, time.Duration) {
		once.Do(func() { cancel(); wait.Wait(); web.CloseIdleConnections() })
		return users.Load(), failures.Load(), time.Duration(slow.Load())
	}
	r.t.Cleanup(func() { stop() })
	return stop
}

// shadow asks the API, as a user's program does.
func (r *rig) shadow(limit int) admin.ShadowReport {
	r.t.Helper()
	api, err := client.New("http://"+r.app.admin.Addr().String(), "")
	if err != nil {
		r.t.Fatal(err)
	}
	report, err := api.Shadow(r.t.Context(), "m", limit)
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// accounted holds the books when everything has ended.
func (r *rig) accounted() admin.ShadowReport {
	r.t.Helper()
	var report admin.ShadowReport
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		report = r.shadow(1000)
		q := report.Requests
		if q.Bytes == 0 && q.Offered == q.Sent+sum(q.Dropped) && q.Sent == q.Answered+sum(q.Failed) {
			return report
		}
	}
	r.t.Fatalf("the books are not even: %+v", report.Requests)
	return report
}

func sum(by map[string]uint64) (n uint64) {
	for _, one := range by {
		n += one
	}
	return n
}

// about is a score that both versions agree on, up to the noise of their sums.
func about(user int) float64 {
	p := .1 + .3*float64(user%100)/100
	if user%2 == 0 {
		p += .5
	}
	return p + 1e-5*rand.Float64()
}

const withNoise = `      noise: {share: 20%, learn: 30, methods: [POST], paths: [/predict]}`

// Two versions that differ in float noise only agree, because the baseline
// differs from itself as much.
func TestShadowOfFloatNoiseAgrees(t *testing.T) {
	same := func(user int, _ *http.Request) (float64, bool) { return about(user), true }
	r := newShadowRig(t, newScorer(t, "1", same), newScorer(t, "2", same), withNoise,
		`      - {name: agreement, require: "agreement >= 90%"}`)
	if v := r.view(); v.Phase != rollout.Shadowing || v.Weight != 0 {
		t.Fatalf("%s at %s", v.Phase, v.Weight)
	}
	stop := r.users(func(int, string) {})
	r.await("the shadow step to pass", func(v rollout.View) bool { return v.Phase == rollout.Progressing && v.Weight > 0 })
	stop()
	report := r.accounted()
	if *report.Agreement != 1 || report.Compared.Noise == 0 || report.Compared.Disagreed != 0 || report.Compared.Self.Differed == 0 || len(report.Pairs) != 0 {
		t.Errorf("%v %+v", *report.Agreement, report.Compared)
	}
	if report.Mirroring || report.LatencyDifference == nil || len(report.ScoreDifference) == 0 {
		t.Errorf("%+v", report)
	}
	if m := report.Compared.Predictions.Confusion; len(m.Classes) != 2 || m.Counts[0][1]+m.Counts[1][0] != 0 {
		t.Errorf("%+v", m)
	}
}

// A planted disagreement of 3 % is found behind the noise, its pairs can be read,
// what is to be hidden is hidden, and its gate takes the candidate back before a
// user has seen it.
func TestShadowFindsADisagreement(t *testing.T) {
	planted := func(user int) bool { return user%100 >= 97 }
	r := newShadowRig(t,
		newScorer(t, "1", func(user int, _ *http.Request) (float64, bool) { return about(user), true }),
		newScorer(t, "2", func(user int, _ *http.Request) (float64, bool) {
			if planted(user) {
				return 1 - about(user), true
			}
			return about(user), true
		}), withNoise, `      - {name: agreement, require: "agreement >= 99.5%"}`)
	stop := r.users(func(int, string) {})
	v := r.await("the gate", func(v rollout.View) bool { return v.Phase == rollout.RolledBack })
	if _, failed, _ := stop(); failed != 0 {
		t.Errorf("%d users were not answered", failed)
	}
	if v.Cause != rollout.CauseGate {
		t.Errorf("taken back by %s", v.Cause)
	}
	report := r.accounted()
	if a := *report.Agreement; a < .94 || a > .99 || report.Compared.Noise == 0 {
		t.Errorf("agreement %.4f, want about .97 of %d pairs", a, report.Compared.Pairs)
	}
	t.Logf("agreement %.4f of %d pairs", *report.Agreement, report.Compared.Pairs)
	if len(report.Pairs) == 0 {
		t.Fatal("no pair can be read")
	}
	for _, p := range report.Pairs {
		var user int
		if _, err := fmt.Sscanf(p.ID, "req-%d", &user); err != nil || !planted(user) {
			t.Errorf("%s is no planted disagreement: %+v", p.ID, p.Differences)
		}
		if text := fmt.Sprintf("%+v", p); strings.Contains(text, "ann@example") || !strings.Contains(text, "predictions") {
			t.Errorf("the request is shown, or the place is not: %s", text)
		}
	}
	if n := r.candidate.served.Load(); n < int64(report.Requests.Sent) {
		t.Errorf("%d copies at the candidate, %d sent", n, report.Requests.Sent)
	}
}

// A candidate that hangs keeps nobody waiting, and every copy is accounted for.
func TestHungShadowIsTakenBack(t *testing.T) {
	r := newShadowRig(t,
		newScorer(t, "1", func(user int, _ *http.Request) (float64, bool) { return about(user), true }),
		newScorer(t, "2", func(int, *http.Request) (float64, bool) { return 0, false }),
		"", `      - {name: copies, require: "shadow.error_rate <= 5%"}`)
	stop := r.users(func(int, string) {})
	v := r.await("the gate", func(v rollout.View) bool { return v.Phase == rollout.RolledBack })
	asked, failed, slowest := stop()
	if v.Cause != rollout.CauseGate || failed != 0 {
		t.Errorf("taken back by %s, %d of %d users were not answered", v.Cause, failed, asked)
	}
	if slowest >= 500*time.Millisecond {
		t.Logf("the slowest answer took %s: the machine is busy, or users wait for the shadow", slowest)
	}
	q := r.accounted().Requests
	if q.Answered != 0 || q.Failed["timeout"] == 0 || q.Offered == 0 {
		t.Errorf("%+v", q)
	}
}

// Labels posted for requests that users made are held against the shadow's
// scores: a candidate that ranks well passes, though the baseline that answered
// ranks badly. What users clicked is nothing of the candidate's.
func TestLabelsMeetTheShadowsScores(t *testing.T) {
	r := newShadowRig(t,
		newScorer(t, "1", func(user int, _ *http.Request) (float64, bool) { return 1 - about(user), true }),
		newScorer(t, "2", func(user int, _ *http.Request) (float64, bool) { return about(user), true }),
		"", `      - {name: ranking, require: "auc >= 0.70", on_fail: hold}`)
	stop := r.users(func(user int, id string) {
		truth, click := float64((user+1)%2), 1.0
		for _, o := range []admin.Outcome{
			{RequestID: id, Model: "m", Kind: kpi.Label, Value: &truth}, {RequestID: id, Model: "m", Kind: kpi.Click, Value: &click},
		} {
			if got := r.app.Outcome(o); got != kpi.OutcomeAccepted && got != kpi.OutcomePending {
				t.Errorf("%s of %s: %s", o.Kind, id, got)
			}
		}
	})
	r.await("the shadow's ranking to be shown", func(v rollout.View) bool { return v.Phase == rollout.Progressing && v.Weight > 0 })
	stop()
	if n := r.app.live("m"); n == nil {
		t.Error("the rollout is not live")
	}
}
