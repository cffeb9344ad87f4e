package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/freeport"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// asking is a poller of a rollout that is under way.
type asking struct {
	*poller
	recorder *kpi.Recorder
	log      *bytes.Buffer
	share    canary.Weight
}

func newAsking(t *testing.T, c rollout.Prometheus) *asking {
	t.Helper()
	c.SetDefaults()
	c.Validate(func(path string, value any, wanted string) { t.Fatalf("%s: %v: wanted %s", path, value, wanted) })
	queries, err := newQueries(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	a := &asking{recorder: kpi.NewRecorder(kpi.NewLayout(), kpi.Config{}), log: &bytes.Buffer{}, share: 1000}
	live := &rollout.Live{Rollout: "r1", Recorder: a.recorder, Policy: rollout.Config{Prometheus: &c}}
	a.poller = &poller{
		model: "m", log: hclog.New(&hclog.LoggerOptions{Output: a.log}), queries: queries,
		live: func() *rollout.Live { return live }, weight: func() canary.Weight { return a.share },
	}
	return a
}

func (a *asking) count(query, result string) float64 {
	var m dto.Metric
	if err := a.queries.WithLabelValues("m", query, result).Write(&m); err != nil {
		panic(err)
	}
	return m.GetCounter().GetValue()
}

// A stand-in for a Prometheus, for what a real one says only in trouble.
func TestQueriesThatGiveNoNumberGiveNoValue(t *testing.T) {
	vector := func(values ...string) string {
		var list []string
		for i, v := range values {
			list = append(list, fmt.Sprintf(`{"metric":{"i":"%d"},"value":[1,%q]}`, i, v))
		}
		return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(list, ",") + `]}}`
	}
	answers := map[string]string{
		"good": vector("0.25"), "empty": vector(), "many": vector("1", "2"), "nan": vector("NaN"), "inf": vector("+Inf"),
		"scalar":    `{"status":"success","data":{"resultType":"scalar","result":[1,"3"]}}`,
		"matrix":    `{"status":"success","data":{"resultType":"matrix","result":[]}}`,
		"broken":    `{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"x"]}]}}`,
		"histogram": `{"status":"success","data":{"resultType":"vector","result":[{"histogram":[1,{"count":"3","sum":"4","buckets":[[1,"0","2","3"]]}]}]}}`,
		"error":     `{"status":"error","errorType":"bad_data","error":"parse error"}`,
	}
	var auth, asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth, asked = append(auth, r.Header.Get("Authorization")), append(asked, r.FormValue("query"))
		name, _, _ := strings.Cut(r.FormValue("query"), "{")
		_, _ = io.WriteString(w, answers[name])
	}))
	t.Cleanup(server.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("geheim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := rollout.Prometheus{URL: server.URL, TokenFile: token, Queries: map[string]string{}}
	for name := range answers {
		c.Queries[name] = name + `{arm="$arm"}`
	}
	a := newAsking(t, c)
	begin := time.Unix(0, 0)
	a.poll(t.Context(), begin)
	a.poll(t.Context(), begin.Add(c.Every)) // not due before Every
	answers["empty"] = vector("7")
	a.poll(t.Context(), begin.Add(rollout.DefaultPrometheusEvery))
	for name, want := range map[string]string{
		"good": queryValue, "scalar": queryValue, "many": queryMany, "nan": queryNaN, "inf": queryNaN, "matrix": queryError, "broken": queryError, "histogram": queryError, "error": queryError,
	} {
		if got := a.count(name, want); got != 4 {
			t.Errorf("%s: %v times %s, want 4", name, got, want)
		}
	}
	if a.count("empty", queryEmpty) != 2 || a.count("empty", queryValue) != 2 {
		t.Errorf("empty at first: %v, then a value: %v", a.count("empty", queryEmpty), a.count("empty", queryValue))
	}
	b, cand := a.recorder.Drain()
	for _, m := range []kpi.Measures{b, cand} {
		if len(m) != 3 || m["value.good"].N != 2 || m["value.good"].Sum != 0.5 || m["value.scalar"].Sum != 6 || m["value.empty"].Sum != 7 {
			t.Errorf("%+v", m)
		}
	}
	if auth[0] != "Bearer geheim" || !strings.Contains(strings.Join(asked, " "), `good{arm="candidate"}`) {
		t.Errorf("%v %v", auth[0], asked)
	}
	text := a.log.String()
	if n := strings.Count(text, "query=many arm=candidate"); n != 1 || !strings.Contains(text, "the query has a value again: model=m query=empty arm=baseline") || strings.Contains(text, "geheim") {
		t.Errorf("said %d times: %s", n, text)
	}
}

func TestNothingIsAskedWithoutUsersOnTheCandidate(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	t.Cleanup(server.Close)
	a := newAsking(t, rollout.Prometheus{URL: server.URL, Queries: map[string]string{"x": "x$arm"}})
	a.share = 0
	a.poll(t.Context(), time.Unix(0, 0))
	a.share, a.live = 1, func() *rollout.Live { return nil }
	a.poll(t.Context(), time.Unix(1000, 0))
}

func TestValuesInTheWarmUpAreNoValues(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"3"]}}`)
	}))
	t.Cleanup(server.Close)
	a := newAsking(t, rollout.Prometheus{URL: server.URL, Queries: map[string]string{"x": "x$arm"}})
	a.recorder.SetCounting(false)
	a.poll(t.Context(), time.Unix(0, 0))
	if a.count("x", queryUncounted) != 2 {
		t.Errorf("%v", a.count("x", queryUncounted))
	}
}

// The real thing, which scrapes an exporter of the test's.
func TestRealPrometheus(t *testing.T) {
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("no prometheus on this machine: make prometheus installs it")
	}
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "gpu{arm=\"baseline\",card=\"0\"} 2\ngpu{arm=\"candidate\",card=\"0\"} 5\ngpu{arm=\"candidate\",card=\"1\"} 7\n")
	}))
	t.Cleanup(exporter.Close)
	a := newAsking(t, rollout.Prometheus{URL: startPrometheus(t, binary, exporter.Listener.Addr()), Queries: map[string]string{
		"load": `avg(gpu{arm="$arm"})`, "cards": `gpu{arm="$arm"}`, "absent": `gpu{arm="$arm",card="9"}`, "wrong": `avg(($arm`,
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	now := time.Unix(0, 0)
	for a.count("load", queryValue) < 4 {
		if ctx.Err() != nil {
			t.Fatalf("no value in time: %s", a.log)
		}
		time.Sleep(200 * time.Millisecond)
		now = now.Add(time.Hour)
		a.poll(ctx, now)
	}
	b, c := a.recorder.Drain()
	x, y := b["value.load"], c["value.load"]
	if x.Sum/float64(x.N) != 2 || y.Sum/float64(y.N) != 6 {
		t.Errorf("baseline %+v, candidate %+v, want means of 2 and 6", x, y)
	}
	if b["value.cards"].N == 0 || c["value.cards"].N != 0 || a.count("cards", queryMany) == 0 || a.count("absent", queryEmpty) == 0 || a.count("wrong", queryError) == 0 {
		t.Errorf("%+v %+v %s", b, c, a.log)
	}
	if n := strings.Count(a.log.String(), "query=wrong arm=baseline"); n != 1 {
		t.Errorf("said %d times: %s", n, a.log)
	}
}

func startPrometheus(t *testing.T, binary string, target net.Addr) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: test\n    static_configs: [{targets: [%q]}]\n", target)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address, err := freeport.TakeAddress()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Log(said.String())
		}
	})
	return "http://" + address
}
