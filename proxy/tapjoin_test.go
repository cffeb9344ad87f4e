package proxy

import (
	"testing"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// Requests wait for their outcomes under the hash of their id, with or without
// payloads being read; what nobody has seen an answer of does not.
func TestRequestsWaitForTheirOutcomes(t *testing.T) {
	counted := kpi.Config{Outcomes: &kpi.Outcomes{Windows: map[string]time.Duration{kpi.Click: time.Hour, kpi.Label: time.Hour}}}
	counted.SetDefaults()
	backend := startBackend(t, answersWhatItIsTold)
	for name, c := range map[string]Config{"ids alone": oneRoute(backend, backend), "payloads": tappedRoute(backend), "rules": bodyRules(backend)} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, c)
			rec := p.counting(5000, counted)
			client := newHTTP(t)
			const answer = `{"predictions":[0.75]}`
			post(t, client, p.url, `{"features":[[1,2]]}`, "X-Request-Id", "seen", "Answer", answer)
			post(t, client, p.url, `{"features":[[1,2]]}`, "X-Request-Id", "in-chunks", "Answer", answer, "Answer-Chunked", "1")
			post(t, client, p.url, `{`, "X-Request-Id", "unread", "Answer", answer, "Answer-Content-Encoding", "br")
			post(t, client, p.url, `{"features":[[1,2]]}`, "X-Request-Id", "refused", "Answer", answer, "Answer-Status", "404")
			post(t, client, p.url, `{"features":[[1,2]]}`, "X-Request-Id", "failed", "Answer", answer, "Answer-Status", "500")
			p.settled()
			for id, want := range map[string]kpi.Result{
				"seen": kpi.OutcomeAccepted, "in-chunks": kpi.OutcomeAccepted, "unread": kpi.OutcomeAccepted,
				"refused": kpi.OutcomeUnknown, "failed": kpi.OutcomeUnknown, "never sent": kpi.OutcomeUnknown,
			} {
				if got := rec.Outcome(kpi.Outcome{ID: kpi.RequestKey([]byte(id)), Kind: kpi.Click, Value: 1}, false); got != want {
					t.Errorf("%s: %s, want %s", id, got, want)
				}
			}
			b, cand := rec.Meter().Drain()
			if got, read := bins(b[kpi.MeasureScore])+bins(cand[kpi.MeasureScore]), c.Routes[0].Payload != nil; (got == 2) != read {
				t.Errorf("%d scores", got)
			}
		})
	}
}
