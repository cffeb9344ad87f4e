// Package drillmlflow holds drills on real MLflow servers, apart from the other
// tests of the server, which need nothing but Go.
package drillmlflow

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/app"
	"github.com/headgate/headgate/internal/drill"
	"github.com/headgate/headgate/internal/registry/mlflowtest"
	"github.com/headgate/headgate/internal/rollout"
)

func TestMain(m *testing.M) {
	code := m.Run()
	mlflowtest.StopShared()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const policy = `version: 1
traffic: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
state: {dir: %[1]q}
registry: {mlflow: {tracking_uri: %[2]q, mode: %[3]s, auth: none}}
routes:
  - name: all
    model: %[4]s
    baseline:  {upstreams: [%[5]q], version_from: {path: /health, field: version}}
    candidate: {upstreams: [%[6]q], version_from: {path: /health, field: version}}
models:
  %[4]s:
    plan: [{canary: {weight: 10%%, hold: 1h}}]
    gates: [{name: errors, require: "error_rate <= baseline + 5%%"}]
    drill: {}
`

// backend says that it serves a version, and counts what else it is asked.
func backend(t *testing.T, version string, asked *atomic.Int64) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			asked.Add(1)
		}
		_, _ = fmt.Fprintf(w, `{"version":%q}`, version)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// serve runs a whole headgate.
func serve(t *testing.T, text string) *app.App {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := configs.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(p, app.Options{Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for end := time.Now().Add(time.Minute); a.Ready() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(a.Ready())
		}
	}
	return a
}

func TestDrillsOnRealRegistries(t *testing.T) {
	mlflowtest.Warm(mlflowtest.Line2, mlflowtest.Line3)
	for _, w := range []struct {
		line mlflowtest.Line
		mode string
	}{{mlflowtest.Line2, "stages"}, {mlflowtest.Line3, "aliases"}} {
		t.Run(fmt.Sprint(w.line, " ", w.mode), func(t *testing.T) {
			s := mlflowtest.Shared(t, w.line)
			model := s.Model(t)
			s.Version(t, model)
			s.Version(t, model)
			if w.mode == "stages" {
				s.Stage(t, model, "1", "Production")
			} else {
				s.Alias(t, model, "champion", "1")
			}
			before := s.Stages(t, model) + fmt.Sprint(s.Aliases(t, model))
			var asked atomic.Int64
			a := serve(t, fmt.Sprintf(policy, t.TempDir(), s.URL, w.mode, model, backend(t, "1", &asked), backend(t, "2", &asked)))
			start := rollout.Command{Kind: rollout.Start, Version: "2", By: "ann"}
			if _, err := a.Command(t.Context(), model, start); err == nil || !strings.Contains(err.Error(), "no drill is recorded") {
				t.Errorf("started without a drill: %v", err)
			}
			for _, in := range drill.Moments() {
				hold(t, a, model, in)
				stands(t, s, w.mode, "headgate-drill-"+model)
			}
			if after := s.Stages(t, model) + fmt.Sprint(s.Aliases(t, model)); after != before || asked.Load() > 0 {
				t.Errorf("the model itself: %s before, %s after; %d requests to its backends", before, after, asked.Load())
			}
			ready(t, a, model)
			if v, err := a.Command(t.Context(), model, start); err != nil || v.Phase != rollout.Progressing {
				t.Errorf("not started after the drills: %s %v", v.Phase, err)
			}
		})
	}
}

// hold holds one drill and prints what it measured.
func hold(t *testing.T, a *app.App, model string, in drill.Moment) {
	t.Helper()
	ready(t, a, model)
	s, err := a.StartDrill(t.Context(), model, admin.DrillOrder{In: in, By: "ann"})
	for end := time.Now().Add(3 * time.Minute); err == nil && s.Running != nil; s, err = a.Drill(t.Context(), model) {
		if time.Now().After(end) {
			t.Fatalf("the drill does not end: %v", s.Running.Progress)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := s.Last
	if r == nil || r.Result != drill.Met || !s.Verified || r.Times.Registry == nil || r.Baseline.Serves != drill.Yes {
		t.Fatalf("%+v %+v", s, r)
	}
	t.Logf("in %s: detection %.3f s, traffic off %.6f s, registry %.3f s, incident %.3f s; %s; %+v",
		in, *r.Times.Detection, *r.Times.TrafficOff, *r.Times.Registry, *r.Times.Incident, r.Registry, r.Traffic)
}

// TestRegistryThatIsTooSlowMissesItsLimit: every change of a stage takes longer
// than the policy allows for all of it.
func TestRegistryThatIsTooSlowMissesItsLimit(t *testing.T) {
	s := mlflowtest.Shared(t, mlflowtest.Line2)
	relay, err := mlflowtest.NewRelay(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(relay.Close)
	relay.OnCall(func(c mlflowtest.Call) mlflowtest.Fate {
		if strings.HasSuffix(c.Path, "transition-stage") {
			time.Sleep(1500 * time.Millisecond)
		}
		return mlflowtest.Pass
	})
	model := s.Model(t)
	s.Version(t, model)
	s.Stage(t, model, "1", "Production")
	var asked atomic.Int64
	text := fmt.Sprintf(policy, t.TempDir(), relay.URL, "stages", model, backend(t, "1", &asked), backend(t, "2", &asked))
	a := serve(t, strings.Replace(text, "drill: {}", "drill: {registry: 1s}", 1))
	status, err := a.StartDrill(t.Context(), model, admin.DrillOrder{In: drill.InCanary, By: "ann"})
	for err == nil && status.Running != nil {
		time.Sleep(50 * time.Millisecond)
		status, err = a.Drill(t.Context(), model)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := status.Last
	if r == nil || r.Result != drill.Missed || status.Verified || *r.Times.Registry < 1.5 || len(r.Misses) != 1 || !strings.HasPrefix(r.Misses[0], "the registry right after ") {
		t.Fatalf("%+v %+v", status, r)
	}
	t.Logf("%s; traffic off %.6f s", r.Misses[0], *r.Times.TrafficOff)
	stands(t, s, "stages", "headgate-drill-"+model)
}

// ready waits until the model's own backends were probed.
func ready(t *testing.T, a *app.App, model string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		v, err := a.View(model)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Serving) == 2 && v.Serving[0].Up && v.Serving[1].Up {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not probed: %+v", v.Serving)
		}
	}
}

// stands asks MLflow itself, without Headgate's client.
func stands(t *testing.T, s *mlflowtest.Server, mode, scratch string) {
	t.Helper()
	if mode == "stages" {
		if got := s.Stages(t, scratch); got != "1:Production 2:Archived" {
			t.Errorf("MLflow says %s", got)
		}
		return
	}
	aliases, archived := s.Aliases(t, scratch), s.Tags(t, scratch, "2")["headgate.status"]
	if len(aliases) != 1 || aliases["champion"] != "1" || archived != "archived" {
		t.Errorf("MLflow says %v, version 2 is %q", aliases, archived)
	}
}
