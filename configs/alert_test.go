package configs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/alerts"
)

func alertPolicy(t *testing.T) *Policy {
	t.Helper()
	p, err := Load("testdata/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The files are the product; what Prometheus's own tools make of them is tested
// in bench/alerts.
func TestAlertFiles(t *testing.T) {
	f := alertPolicy(t).AlertFiles(AlertOptions{For: DefaultAlertFor, URL: "http://headgate:8090"})
	for golden, got := range map[string]string{
		"testdata/alerts-rules.yml":        string(f.RulesYAML()),
		"testdata/alerts-alertmanager.yml": string(f.AlertmanagerYAML()),
		"testdata/alerts-notes.txt":        strings.Join(f.Notes, "\n") + "\n",
	} {
		compareGolden(t, golden, got)
	}
}

// A threshold that is looked at all the time keeps no promise about false
// alarms: it speaks for nobody but a gate that nobody else acts on.
func TestSeverities(t *testing.T) {
	want := map[string]string{
		"HeadgateGateFailed errors": "critical", "HeadgateErrorRate errors": "warning",
		"HeadgateGateFailed failing": "critical", "HeadgateErrorRate failing": "critical",
		"HeadgateGateFailed latency": "critical", "HeadgateLatency latency": "critical",
		"HeadgateGateFailed slower": "warning", "HeadgateLatency slower": "warning",
		"HeadgateGateFailed later": "warning", "HeadgateLatency later": "warning",
	}
	for _, g := range alertPolicy(t).AlertFiles(AlertOptions{}).Rules.Groups {
		for _, r := range g.Rules {
			name := r.Alert + " " + r.Labels["gate"]
			if severity, ok := want[name]; ok && severity != r.Labels["severity"] {
				t.Errorf("%s is %s, want %s", name, r.Labels["severity"], severity)
			}
			delete(want, name)
			if r.Labels["severity"] == "critical" && r.Labels["gate"] == "" && r.Labels["model"] != "" {
				t.Errorf("%s says nothing of a candidate, and would take it back", r.Alert)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("not made: %v", want)
	}
}

func TestTokenFile(t *testing.T) {
	with, without := alertPolicy(t), &Policy{}
	without.Admin.Listen = "127.0.0.1:8090"
	for name, tt := range map[string]struct {
		policy *Policy
		o      AlertOptions
		want   string
	}{
		"the policy has tokens":  {with, AlertOptions{}, DefaultTokenFile},
		"a place of one's own":   {with, AlertOptions{TokenFile: "/run/secrets/t"}, "/run/secrets/t"},
		"nobody asks for tokens": {without, AlertOptions{}, ""},
	} {
		hook := tt.policy.AlertFiles(tt.o).Alertmanager.Receivers[1].Webhooks[0]
		got := ""
		if hook.HTTP.Authorization != nil {
			got = hook.HTTP.Authorization.CredentialsFile
		}
		if got != tt.want || hook.URL != "http://127.0.0.1:8090/api/v1/alerts" {
			t.Errorf("%s: %q to %s, want %q", name, got, hook.URL, tt.want)
		}
	}
}

func TestDescribeOnAlert(t *testing.T) {
	d := alertPolicy(t).Describe(DescribeOptions{}).Models[0]
	want := []string{
		`an alert with model="churn-model" and severity="critical" takes the candidate back`,
		`pages: an alert with severity="page" and team=~"ml|data\\.eng" is recorded as a dry run of pause: nothing follows`,
	}
	if !slices.Equal(d.OnAlert, want) {
		t.Errorf("%q", d.OnAlert)
	}
	own := described(t, replacing("    gates:\n", "    on_alert: [{match: {severity: page}, do: notify}]\n    gates:\n"), DescribeOptions{})
	warned := slices.ContainsFunc(own.Warnings, func(w string) bool { return strings.HasPrefix(w, "on_alert takes none of the alerts") })
	if !warned || slices.ContainsFunc(d.Warnings, func(w string) bool { return strings.HasPrefix(w, "on_alert") }) {
		t.Errorf("warned of its own alerts: %v; of generated ones: %q", warned, d.Warnings)
	}
}

// What an alert does is frozen with the rollout, so it is part of what the hash
// stands for; where incidents go is not.
func TestOnAlertIsPartOfTheHash(t *testing.T) {
	hash := func(change func(string) string) string {
		p, err := parse("p.yaml", []byte(change(basePolicy(t))), testEnvironment)
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash("churn-model")
	}
	with := hash(replacing("    gates:\n", "    on_alert: [{match: {severity: critical}, do: rollback}]\n    gates:\n"))
	dry := hash(replacing("    gates:\n", "    on_alert: [{match: {severity: critical}, do: rollback, dry_run: true}]\n    gates:\n"))
	if without := hash(unchanged); with == without || dry == with {
		t.Errorf("with %s, dry %s, without %s", with, dry, without)
	}
}

func TestTestAlerts(t *testing.T) {
	body := `{"version":"4","alerts":[
		{"status":"firing","labels":{"alertname":"A","severity":"critical","model":"churn-model"},"startsAt":"2026-03-01T12:00:00Z"},
		{"status":"firing","labels":{"alertname":"B","severity":"critical","model":"other"},"startsAt":"2026-03-01T12:00:00Z"},
		{"status":"firing","labels":{"alertname":"C","severity":"page","team":"ml"},"startsAt":"2026-03-01T12:00:00Z"},
		{"status":"resolved","labels":{"alertname":"D","severity":"critical","model":"churn-model"},"startsAt":"2026-03-01T12:00:00Z"}]}`
	got, err := alertPolicy(t).TestAlerts([]byte(body), time.Now())
	if err != nil || len(got) != 4 {
		t.Fatalf("%v, %+v", err, got)
	}
	for i, want := range []alerts.Decision{alerts.RolledBack, alerts.Ignored, alerts.DryRun, alerts.Ignored} {
		if got[i].Decision != want {
			t.Errorf("%s: %s, want %s: %s", got[i].Alert, got[i].Decision, want, got[i].Reason)
		}
	}
	if _, err := alertPolicy(t).TestAlerts([]byte(`{"version":"3"}`), time.Now()); err == nil {
		t.Error("version 3 taken")
	}
}
