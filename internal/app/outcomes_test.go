package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/kpi"
	"github.com/headgate/headgate/internal/rollout"
)

// joinsOutcomes adds what outcomes need to the rig's policy.
func (r *rig) joinsOutcomes() {
	r.t.Helper()
	data, err := os.ReadFile(r.file)
	if err != nil {
		r.t.Fatal(err)
	}
	text := strings.Replace(string(data), "    warm_up: 0s\n", "    warm_up: 0s\n    outcomes: {windows: {click: 2s, label: 30s, value: 30s}, keep: 1000}\n", 1)
	text = strings.Replace(text, "    expose_arm: true\n", "    expose_arm: true\n    payload: {features: features, predictions: predictions}\n", 1)
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// predict sends one request and returns the arm that answered it.
func (r *rig) predict(id string) string {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+r.app.proxy.Addr().String()+"/predict", strings.NewReader(`{"features":[[1]]}`))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-User-Id", "user of "+id)
	req.Header.Set("X-Request-Id", id)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK || res.Header.Get("X-Request-Id") != id {
		r.t.Fatalf("%d, id %q", res.StatusCode, res.Header.Get("X-Request-Id"))
	}
	return res.Header.Get("X-Headgate-Arm")
}

func (r *rig) report(list string) admin.OutcomeReport {
	r.t.Helper()
	res, err := http.Post("http://"+r.app.admin.Addr().String()+"/api/v1/outcomes", "application/json", strings.NewReader(list))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var out admin.OutcomeReport
	if err := json.Unmarshal(body, &out); err != nil || res.StatusCode != http.StatusOK {
		r.t.Fatalf("%d %s %v", res.StatusCode, body, err)
	}
	return out
}

// Outcomes that are posted find the requests that were served, and the strata
// hold what they brought.
func TestPostedOutcomesReachTheStrata(t *testing.T) {
	r := newRig(t, "1h", "1m")
	r.joinsOutcomes()
	r.boot()
	r.ready()
	if got := r.report(`[{"request_id":"r1","kind":"click"}]`); got.Unknown != 1 {
		t.Errorf("without a rollout: %+v", got)
	}
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	early := r.report(`[{"request_id":"early","kind":"label","value":1}]`)
	if early.Pending != 1 {
		t.Errorf("before its request: %+v", early)
	}
	arms := map[string]uint64{}
	for i := range 40 {
		arms[r.predict(fmt.Sprint("r", i))]++
	}
	first := r.predict("early")
	arms[first]++
	r.observed(41)
	got := r.report(`[{"request_id":"r0","kind":"click"},{"request_id":"r0","kind":"click"},{"request_id":"r1","kind":"click","value":0},
		{"request_id":"r1","kind":"label","value":1},{"request_id":"r2","kind":"label","value":0,"index":1},{"request_id":"r4","kind":"conversion"},
		{"request_id":"r2","kind":"value","name":"revenue","value":3,"model":"m"},
		{"kind":"measurement","model":"m","arm":"candidate","name":"gpu","value":0.5}]`)
	if got.Accepted != 5 || got.Duplicate != 1 || got.Refused != 2 || got.Invalid[0].Field != "index" || got.Invalid[1].Field != "kind" {
		t.Errorf("%+v", got)
	}
	sums := r.strata(t, func(s map[string]kpi.Measure) bool {
		return s["baseline."+kpi.MeasureClick].N+s["candidate."+kpi.MeasureClick].N == 41
	})
	both := func(name string) [2]uint64 {
		b, c := sums["baseline."+name], sums["candidate."+name]
		return [2]uint64{b.N + c.N, b.K + c.K}
	}
	for name, want := range map[string][2]uint64{
		kpi.MeasureClick: {41, 1}, kpi.MeasurePositive: {2, 2}, kpi.MeasureValue + "revenue": {1, 0}, kpi.MeasureValue + "gpu": {1, 0},
	} {
		if got := both(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for arm, n := range arms {
		if got := sums[arm+"."+kpi.MeasureClick].N; got != n {
			t.Errorf("%d impressions of the %s, %d were served", got, arm, n)
		}
	}
	if late := r.report(`[{"request_id":"r5","kind":"click"}]`); late.Late != 1 {
		t.Errorf("after its window: %+v", late)
	}
	metrics := r.scrape()
	for _, line := range []string{
		`headgate_outcomes_total{kind="click",model="m",result="accepted"} 2`,
		`headgate_outcomes_total{kind="click",model="m",result="late"} 1`,
		`headgate_outcomes_total{kind="label",model="m",result="accepted"} 2`,
		`headgate_outcomes_total{kind="click",model="",result="unknown"} 1`,
		`headgate_outcome_requests_total{fate="closed",kind="click",model="m"} 41`,
		`headgate_outcome_requests_waiting{kind="label",model="m"} 41`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("no %s", line)
		}
	}
}

// strata sums the measures of the evidence log by arm and name until ok.
func (r *rig) strata(t *testing.T, ok func(map[string]kpi.Measure) bool) map[string]kpi.Measure {
	t.Helper()
	id := r.view().ID
	var sums map[string]kpi.Measure
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		sums = map[string]kpi.Measure{}
		err := r.app.journal.Evidence(t.Context(), rollout.EvidenceKey("m", id), func(_ uint64, data []byte) error {
			var e struct{ Stratum kpi.Stratum }
			if err := json.NewDecoder(bytes.NewReader(data)).Decode(&e); err != nil {
				return err
			}
			for arm, c := range map[string]kpi.Counts{"baseline.": e.Stratum.Baseline, "candidate.": e.Stratum.Candidate} {
				for name, x := range c.Measures {
					s := sums[arm+name]
					s.N, s.K = s.N+x.N, s.K+x.K
					sums[arm+name] = s
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if ok(sums) {
			return sums
		}
	}
	t.Fatalf("the strata hold %+v", sums)
	return nil
}

// observed waits until so many requests wait for their outcomes.
func (r *rig) observed(n uint64) {
	r.t.Helper()
	var s []admin.ModelOutcomes
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if s = r.app.OutcomeStats(); len(s) == 1 && s[0].Observed == n {
			return
		}
	}
	r.t.Fatalf("%d requests wanted: %+v", n, s)
}

func (r *rig) scrape() string {
	r.t.Helper()
	res, err := http.Get("http://" + r.app.admin.Addr().String() + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(body)
}
