package alerts

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const good = `{"receiver":"headgate","status":"firing","version":"4","groupKey":"{}","truncatedAlerts":3,"externalURL":"http://am:9093","newField":[1],
"alerts":[{"status":"firing","labels":{"alertname":"Slow","model":"m"},"annotations":{"summary":"s"},"startsAt":"2026-03-01T12:00:00.5+01:00","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prom/graph","fingerprint":"abc","other":1}]}`

func TestParse(t *testing.T) {
	m, err := Parse([]byte(good), noon)
	if err != nil {
		t.Fatal(err)
	}
	a := m.Alerts[0]
	if m.Truncated != 3 || a.Name() != "Slow" || a.Model() != "m" || a.Fingerprint != "abc" || a.Receiver != "headgate" || a.ExternalURL != "http://am:9093" || !a.ReceivedAt.Equal(noon) {
		t.Errorf("%+v", a)
	}
	if want := noon.Add(-time.Hour).Add(500 * time.Millisecond); a.ID() != (ID{"abc", want}) {
		t.Errorf("id %v, want the moment in UTC %v", a.ID(), want)
	}
}

func TestParseRefuses(t *testing.T) {
	many := `{"version":"4","alerts":[` + strings.Repeat("{},", MaxAlerts) + `{}]}`
	tests := map[string]struct{ body, want string }{
		"nothing":          {``, "not JSON"},
		"half":             {`{"version":"4",`, "not JSON"},
		"a list":           {`[]`, "the body: wanted an object, got array"},
		"another version":  {strings.Replace(good, `"4"`, `"3"`, 1), `version: wanted "4"`},
		"a number":         {strings.Replace(good, `"4"`, `4`, 1), "version: wanted text, got number"},
		"no alerts":        {`{"version":"4"}`, "alerts: wanted a list"},
		"alerts null":      {`{"version":"4","alerts":null}`, "alerts: wanted a list"},
		"alerts of text":   {`{"version":"4","alerts":"x"}`, "alerts: wanted a list"},
		"an alert of text": {`{"version":"4","alerts":["x"]}`, "alerts[0]: wanted an object, got string"},
		"status":           {strings.Replace(good, `[{"status":"firing"`, `[{"status":"pending"`, 1), "alerts[0].status: wanted firing or resolved"},
		"labels":           {strings.Replace(good, `{"alertname":"Slow","model":"m"}`, `{}`, 1), "alerts[0].labels: wanted 1 to 100"},
		"labels' kind":     {strings.Replace(good, `"model":"m"`, `"model":7`, 1), "alerts[0].labels: wanted"},
		"startsAt":         {strings.Replace(good, `2026-03-01T12`, `yesterday`, 1), "alerts[0].startsAt: wanted a point in time"},
		"startsAt zero":    {strings.Replace(good, `2026-03-01T12:00:00.5+01:00`, `0001-01-01T00:00:00Z`, 1), "alerts[0].startsAt: wanted a point in time"},
		"fingerprint":      {strings.Replace(good, `"abc"`, `"../../etc"`, 1), "alerts[0].fingerprint: wanted"},
		"too much text":    {strings.Replace(good, `"s"`, `"`+strings.Repeat("x", maxText)+`"`, 1), "alerts[0].labels: wanted at most"},
		"too many":         {many, "more than 2000 alerts"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.body), noon); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := Parse([]byte(many), noon); !errors.Is(err, ErrTooMany) {
		t.Error("too many is not told apart")
	}
}

// A message that a real Alertmanager 0.25 sent: what we compute from labels
// alone is what it would have said.
func TestFingerprintIsAlertmanagers(t *testing.T) {
	data, err := os.ReadFile("testdata/alertmanager-0.25.json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(data, noon)
	if err != nil || len(m.Alerts) == 0 {
		t.Fatalf("%v, %d alerts", err, len(m.Alerts))
	}
	for _, a := range m.Alerts {
		if got := Fingerprint(a.Labels); got != a.Fingerprint {
			t.Errorf("%v: %s, Alertmanager says %s", a.Labels, got, a.Fingerprint)
		}
	}
	without := strings.ReplaceAll(string(data), `"fingerprint"`, `"missing"`)
	n, err := Parse([]byte(without), noon)
	if err != nil || n.Alerts[0].Fingerprint != m.Alerts[0].Fingerprint {
		t.Errorf("%v: without a fingerprint %+v", err, n.Alerts)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"version":"4","alerts":[{"status":"resolved","labels":{"a":""},"startsAt":"2026-01-01T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data, noon)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("an error of more than one line: %q", err)
			}
			return
		}
		for _, a := range m.Alerts {
			if a.Fingerprint == "" || a.StartsAt.IsZero() || len(a.Labels) == 0 || a.Name() == "" {
				t.Errorf("taken as %+v", a)
			}
			if _, err := json.Marshal(a); err != nil {
				t.Error(err)
			}
			_ = fmt.Sprint(a.ID())
		}
	})
}
