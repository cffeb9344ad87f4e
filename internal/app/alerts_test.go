package app

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/rollout"
)

// alarmed is a rig with a rollout whose policy has a rule of each kind.
func alarmed(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, "1m", "10s")
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, []byte(`    on_alert:
      - {match: {severity: info}, do: notify, message: have a look}
      - {match: {severity: warning}, do: pause}
      - {match: {severity: critical}, do: rollback}
`)...)
	if err := os.WriteFile(r.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	r.boot()
	r.ready()
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	return r
}

func raised(severity, model string) alerts.Alert {
	labels := map[string]string{"alertname": "Slow", "severity": severity}
	if model != "" {
		labels["model"] = model
	}
	return alerts.Alert{
		Status: alerts.Firing, Labels: labels, StartsAt: time.Now(), Fingerprint: alerts.Fingerprint(labels),
		Receiver: "headgate", ExternalURL: "http://am:9093", GeneratorURL: "http://prom/graph", ReceivedAt: time.Now(),
	}
}

func (r *rig) alert(t *testing.T, list ...alerts.Alert) []string {
	t.Helper()
	answers, err := r.app.Alert(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range answers {
		out = append(out, a.Model+" "+string(a.Decision))
	}
	return out
}

func TestAlertsReachTheModelsTheyAreAbout(t *testing.T) {
	r := alarmed(t)
	got := strings.Join(r.alert(t, raised("info", "m"), raised("critical", "other"), raised("warning", ""), raised("none", "m")), ", ")
	if want := "m notified, other ignored, m paused, m ignored"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if v := r.view(); v.Phase != rollout.Paused || v.Reason != rollout.ReasonAlert || v.Weight != 5000 {
		t.Errorf("%s(%s) at %s", v.Phase, v.Reason, v.Weight)
	}
	r.await("two incidents", func(rollout.View) bool { return len(r.incidents()) == 2 })
	for _, in := range r.incidents() {
		alert, ok := in["alert"].(map[string]any)
		if in["kind"] != "alert" || in["decided_by"] != "alert Slow" || !ok || alert["external_url"] != "http://am:9093" {
			t.Errorf("incident %v", in)
		}
	}
}

func TestIncidentOfAnAlertHoldsTheAlert(t *testing.T) {
	r := alarmed(t)
	stop := r.traffic()
	a := raised("critical", "m")
	if got := r.alert(t, a, a); strings.Join(got, ", ") != "m rolled_back, m duplicate" {
		t.Errorf("%v", got)
	}
	v := r.await("rolled back", phase(rollout.RolledBack))
	if failed := stop(); failed > 0 {
		t.Errorf("%d requests failed on the baseline", failed)
	}
	if v.Cause != rollout.CauseAlert {
		t.Errorf("cause %s", v.Cause)
	}
	in := r.incidents()
	if len(in) != 1 {
		t.Fatalf("%d incidents", len(in))
	}
	alert, ok := in[0]["alert"].(map[string]any)
	if !ok || alert["fingerprint"] != a.Fingerprint || alert["generator_url"] != "http://prom/graph" || in[0]["cause"] != "alert" {
		t.Errorf("incident %v", in[0])
	}
	if got := r.alert(t, raised("critical", "m")); got[0] != "m ignored" {
		t.Errorf("an alert about what is over: %v", got)
	}
}
