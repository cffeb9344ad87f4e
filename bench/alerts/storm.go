package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/admin/client"
)

// stormPlan is how long and how hard.
type stormPlan struct {
	rounds, rate int
	lasts        time.Duration
}

const (
	stormModel = "storm-model"
	liveRate   = 200 // users' requests a second
)

// half is what users saw in one half of a round, and what became of the alerts.
type half struct {
	p50, p99        time.Duration
	requests        int
	failed          int64
	sent            sent
	decisions, back int           // records of alerts and of rollbacks in the journal
	cpu             time.Duration // of the headgate process
}

// stormResult holds one half of each kind for every round. Calm is one alert;
// elsewhere the whole storm against a server that only answers, which costs
// this machine what the senders cost; here the storm against Headgate.
type stormResult struct{ calm, elsewhere, here []half }

// storm runs the rounds, the three kinds one after the other in each, so that
// whatever else this machine does falls on all of them alike.
func storm(ctx context.Context, binary, dir string, p stormPlan) (r stormResult, err error) {
	h, err := newHeadgate(ctx, binary, dir, stormModel, "{local: {}}", "1", "2", time.Hour)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	sink, err := newSink()
	if err != nil {
		return r, err
	}
	defer sink.stop()
	u := startUsers(h.Traffic, liveRate)
	defer u.close()
	first := client.Command{Kind: client.Start, Version: "2", Baseline: "1", Reason: "the storm"}
	for range p.rounds {
		for _, kind := range []struct {
			into *[]half
			url  string
			rate int
		}{{&r.calm, h.alertsURL(), 0}, {&r.elsewhere, sink.url(), p.rate}, {&r.here, h.alertsURL(), p.rate}} {
			got, err := h.half(ctx, u, first, kind.url, kind.rate, p.lasts)
			if err != nil {
				return r, err
			}
			*kind.into = append(*kind.into, got)
			first.Baseline, first.Again = "", true
		}
	}
	return r, nil
}

func (h *headgate) alertsURL() string { return "http://" + h.Admin + "/api/v1/alerts" }

// half starts a rollout, lets the alert that takes it back come once (rate 0)
// or as a storm, and measures users meanwhile. A storm against the sink comes
// beside the one alert.
func (h *headgate) half(ctx context.Context, u *users, c client.Command, url string, rate int, lasts time.Duration) (out half, err error) {
	if _, err := h.API.Order(ctx, stormModel, c); err != nil {
		return out, fmt.Errorf("start: %w", err)
	}
	alertsBefore, backBefore, err := h.counts(ctx)
	if err != nil {
		return out, err
	}
	body := stormBody(time.Now())
	time.Sleep(time.Second) // the last half is over in every queue
	u.take()
	failed, cpu := u.failed.Load(), h.CPU()
	end := time.Now().Add(lasts)
	if url != h.alertsURL() || rate == 0 {
		if err := post(ctx, h.alertsURL(), h.token["alertmanager"], body); err != nil {
			return out, err
		}
	}
	if rate > 0 {
		if out.sent, err = send(ctx, h.Dir, order{URL: url, Token: h.token["alertmanager"], Body: body, Rate: rate, Seconds: lasts.Seconds()}); err != nil {
			return out, err
		}
	}
	time.Sleep(time.Until(end))
	out.cpu = h.CPU() - cpu
	times := u.take()
	out.p50, out.p99, out.requests, out.failed = quantile(times, .5), quantile(times, .99), len(times), u.failed.Load()-failed
	if _, err := h.Await(ctx, "taken back", 30*time.Second, func(v client.View) bool { return v.Phase == "rolled_back" && v.Cause == "alert" }); err != nil {
		return out, err
	}
	alerts, back, err := h.counts(ctx)
	out.decisions, out.back = alerts-alertsBefore, back-backBefore
	return out, err
}

func (h *headgate) counts(ctx context.Context) (alerts, back int, err error) {
	if alerts, err = h.records(ctx, "alert"); err == nil {
		back, err = h.records(ctx, "rolling_back")
	}
	return alerts, back, err
}

// stormBody is one message as Alertmanager sends it, firing since now.
func stormBody(now time.Time) string {
	return fmt.Sprintf(`{"receiver":"headgate","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"HeadgateLatency","gate":"latency","headgate":"1","model":%q,"severity":"critical"},`+
		`"annotations":{"description":"the candidate answers too slowly","summary":"the candidate is beyond the limit of gate latency"},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z",`+
		`"generatorURL":"http://prometheus:9090/graph?g0.expr=x","fingerprint":"104e15587c7db2b9"}],"groupLabels":{"alertname":"HeadgateLatency"},"commonLabels":{},"commonAnnotations":{},`+
		`"externalURL":"http://alertmanager:9093","version":"4","groupKey":"{}:{}","truncatedAlerts":0}`, stormModel, now.UTC().Format(time.RFC3339Nano))
}

func post(ctx context.Context, url, token, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := plain.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"decision":"rolled_back"`) {
		return fmt.Errorf("one alert: %s %s (%w)", res.Status, answer, err)
	}
	return nil
}

// check holds the result against what is promised whatever the machine does.
func (r stormResult) check() error {
	var wrong []error
	for i, h := range slices.Concat(r.calm, r.elsewhere, r.here) {
		if h.decisions != 1 || h.back != 1 {
			wrong = append(wrong, fmt.Errorf("half %d: %d records of alerts and %d rollbacks, want 1 and 1", i, h.decisions, h.back))
		}
		if h.failed > 0 {
			wrong = append(wrong, fmt.Errorf("half %d: %d requests of users failed", i, h.failed))
		}
		if h.sent.Other > 0 {
			wrong = append(wrong, fmt.Errorf("half %d: %d alerts were answered with neither 200 nor 503", i, h.sent.Other))
		}
	}
	for _, h := range r.here {
		if h.sent.Decided != 1 {
			wrong = append(wrong, fmt.Errorf("%d alerts were answered with rolled_back, want 1", h.sent.Decided))
		}
	}
	return errors.Join(wrong...)
}

// table is markdown: the median of each column over the rounds.
func (r stormResult) table(p stormPlan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rounds of %s each, %d users' requests/s, %d alerts/s from two senders\n\n", p.rounds, p.lasts, liveRate, p.rate)
	b.WriteString("| | live p50 | live p99 | Headgate's CPU | live requests | failed | alerts sent | answered 200 | 503 | decisions |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, row := range []struct {
		name string
		of   []half
	}{{"one alert", r.calm}, {"one alert, the storm against another server", r.elsewhere}, {"the storm", r.here}} {
		var requests int
		var failed int64
		var s sent
		decisions := 0
		for _, h := range row.of {
			requests, failed, decisions = requests+h.requests, failed+h.failed, decisions+h.decisions
			s.Sent, s.OK, s.Busy = s.Sent+h.sent.Sent, s.OK+h.sent.OK, s.Busy+h.sent.Busy
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.1f %% | %d | %d | %d | %d | %d | %d in %d |\n", row.name, median(row.of, func(h half) time.Duration { return h.p50 }),
			median(row.of, func(h half) time.Duration { return h.p99 }), 100*median(row.of, func(h half) time.Duration { return h.cpu }).Seconds()/p.lasts.Seconds(), requests, failed, s.Sent, s.OK, s.Busy, decisions, len(row.of))
	}
	return b.String()
}

func median(of []half, what func(half) time.Duration) time.Duration {
	var all []time.Duration
	for _, h := range of {
		all = append(all, what(h))
	}
	slices.SortFunc(all, cmp.Compare[time.Duration])
	return all[len(all)/2].Round(10 * time.Microsecond)
}

// send has a process of its own send the storm: its garbage and its scheduler
// are not the users'.
func send(ctx context.Context, dir string, o order) (s sent, err error) {
	data, err := json.Marshal(o)
	if err != nil {
		return s, err
	}
	file := filepath.Join(dir, "order.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return s, err
	}
	out, err := sender(ctx, file)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(out, &s)
}
