package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
)

// after the kill, in seconds.
func at(c *cycle, s float64) time.Time { return c.killed.Add(time.Duration(s * float64(time.Second))) }

func record(c *cycle, s float64, kind, detail string) line {
	l := line{at: at(c, s), Kind: kind}
	l.Data.Reason, l.Data.Cause = detail, detail
	return l
}

func TestJournalAndRequestsAfterAKill(t *testing.T) {
	for _, c := range []struct {
		name      string
		lines     [][2]string // seconds after the kill are in times
		times     []float64
		requests  []float64 // sent and arrived, seconds after the kill
		ending    ending
		early     int
		violation string
	}{
		{"the order was durable", [][2]string{{"rolling_back", "gate"}}, []float64{-0.01}, []float64{-0.5}, durable, 0, ""},
		{"the order was durable and the candidate is reached", [][2]string{{"rolling_back", "gate"}}, []float64{-0.01}, []float64{0.6}, durable, 1, "reached the candidate before its verdict"},
		{"the judge, from the stored evidence", [][2]string{{"suspended", "restarted"}, {"rolling_back", "gate"}}, []float64{0.4, 0.6}, nil, judged, 0, ""},
		{"an operator", [][2]string{{"suspended", "restarted"}, {"rolling_back", "operator"}}, []float64{0.4, 0.6}, nil, byOperator, 0, ""},
		{"the weight was regained", [][2]string{{"suspended", "restarted"}, {"resumed", ""}, {"rolling_back", "gate"}}, []float64{0.4, 0.7, 2}, []float64{0.8, 1.9}, judgedNew, 0, ""},
		{"a request before the weight was regained", [][2]string{{"suspended", "restarted"}, {"resumed", ""}, {"rolling_back", "gate"}}, []float64{0.4, 0.7, 2}, []float64{0.65, 1}, judgedNew, 1, "reached the candidate before its verdict"},
		{"a request long after the order", [][2]string{{"suspended", "restarted"}, {"resumed", ""}, {"rolling_back", "gate"}}, []float64{0.4, 0.7, 2}, []float64{3.5}, judgedNew, 0, "after the decision"},
		{"it never came back paused", [][2]string{{"rolling_back", "gate"}}, []float64{0.6}, nil, judged, 0, "did not come back paused"},
		{"a durable order that was forgotten", [][2]string{{"rolling_back", "gate"}, {"suspended", "restarted"}}, []float64{-0.01, 0.4}, nil, durable, 0, "came back"},
		{"two orders", [][2]string{{"rolling_back", "gate"}, {"rolling_back", "gate"}}, []float64{-0.01, 0.4}, nil, durable, 0, "two orders"},
		{"no order", nil, nil, nil, "", 0, "no order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			killed := time.Now()
			cy := &cycle{h: &headgate{candidate: &backend{}}, killed: killed, killedAt: since(killed), answering: since(killed) + 300*time.Millisecond}
			var lines []line
			for i, l := range c.lines {
				lines = append(lines, record(cy, c.times[i], l[0], l[1]))
			}
			for _, s := range c.requests {
				when := since(at(cy, s))
				cy.h.candidate.log = append(cy.h.candidate.log, prediction{sent: when, arrived: when})
			}
			var r result
			cy.checkJournal(lines, &r)
			if r.ending != c.ending || r.early != c.early {
				t.Errorf("ending %q, %d early; want %q, %d", r.ending, r.early, c.ending, c.early)
			}
			text := strings.Join(r.violations, "; ")
			if (c.violation == "") != (text == "") || !strings.Contains(text, c.violation) {
				t.Errorf("violations %q, want %q", text, c.violation)
			}
		})
	}
}

const goodIncident = `{"id":"r","rollout":"r","cause":"gate","gates":[],
"gate":{"name":"errors","baseline":0,"candidate":0.6,"n":{"baseline":100,"candidate":90},"fail":{"e":1e9,"limit":40}},
"times":{"traffic_off_at":"2026-03-01T12:00:00Z","recorded_at":"2026-03-01T12:00:00Z","registry_at":"2026-03-01T12:00:01Z"},
"registry":{"result":"done"}}`

func TestIncidentsAreHeldAgainstWhatTheyMustSay(t *testing.T) {
	for _, c := range []struct {
		name      string
		files     map[string]string
		violation string
	}{
		{"one that says all", map[string]string{"r.json": goodIncident, "r.md": "#"}, ""},
		{"none", nil, "wanted one"},
		{"two", map[string]string{"r.json": goodIncident, "s.json": goodIncident}, "wanted one"},
		{"litter beside it", map[string]string{"r.json": goodIncident, "r.md": "#", ".r.json.tmp": ""}, "wanted one"},
		{"of another rollout", map[string]string{"s.json": goodIncident}, "about rollout r"},
		{"half written", map[string]string{"r.json": goodIncident[:50]}, "unexpected end"},
		{"still pending", map[string]string{"r.json": strings.ReplaceAll(goodIncident, "done", "pending")}, "pending"},
		{"without a gate", map[string]string{"r.json": strings.Replace(goodIncident, `"gate":`, `"other":`, 1)}, "lacks its gate"},
		{"without a value", map[string]string{"r.json": strings.Replace(goodIncident, `"candidate":0.6`, `"candidate":null`, 1)}, "lacks values"},
		{"below its limit", map[string]string{"r.json": strings.Replace(goodIncident, `"e":1e9`, `"e":2`, 1)}, "below its limit"},
		{"without the traffic's time", map[string]string{"r.json": strings.Replace(goodIncident, `traffic_off_at`, `x`, 1)}, "lacks times"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &headgate{Headgate: &daemon.Headgate{Dir: t.TempDir()}}
			if err := os.Mkdir(h.Incidents(), 0o700); err != nil {
				t.Fatal(err)
			}
			for name, text := range c.files {
				if err := os.WriteFile(filepath.Join(h.Incidents(), name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var r result
			(&cycle{h: h}).checkIncidents(&r)
			text := strings.Join(r.violations, "; ")
			if (c.violation == "") != (text == "") || !strings.Contains(text, c.violation) {
				t.Errorf("violations %q, want %q", text, c.violation)
			}
		})
	}
}
