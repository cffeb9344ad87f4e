package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/canary"
	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/judge"
)

// alertPolicy is testPolicy with a rule of each kind.
func alertPolicy() Config {
	c := testPolicy()
	c.OnAlert = []alerts.Rule{
		{Name: "dry", Match: map[string]string{"severity": "critical", "team": "trial"}, Do: alerts.DoRollback, DryRun: true},
		{Name: "back", Match: map[string]string{"severity": "critical"}, Do: alerts.DoRollback, Message: "users suffer"},
		{Name: "stop", MatchRE: map[string]string{"severity": "warning|error"}, Do: alerts.DoPause},
		{Name: "tell", Match: map[string]string{"severity": "info"}, Do: alerts.DoNotify},
	}
	return c
}

// began is when the rollouts of these tests began: an hour before noon.
var began = noon.Add(-time.Hour)

func alerting(s State) State {
	s.Policy, s.StartedAt = alertPolicy(), began
	return s
}

func firing(severity string, more ...string) alerts.Alert {
	labels := map[string]string{"alertname": "Slow", "severity": severity}
	for i := 0; i+1 < len(more); i += 2 {
		labels[more[i]] = more[i+1]
	}
	return alerts.Alert{
		Status: alerts.Firing, Labels: labels, Annotations: map[string]string{"summary": "p95 of 2 s\nand more"}, StartsAt: noon.Add(-time.Minute),
		Fingerprint: alerts.Fingerprint(labels), Receiver: "headgate", ExternalURL: "http://am:9093", ReceivedAt: noon,
	}
}

func alerted(h Health, list ...alerts.Alert) Alerted { return Alerted{Alerts: list, Health: h} }

func TestDecideOnAlert(t *testing.T) {
	old, resolved := firing("critical"), firing("critical")
	old.StartsAt = began.Add(-time.Nanosecond)
	resolved.Status = alerts.Resolved
	noBaseline := Health{Baseline: down(), Candidate: arm("2")}
	reloaded := Health{Baseline: arm("2"), Candidate: arm("2")}
	restarted := pausedAt(ReasonRestarted, 0, ResumePoint{Phase: Progressing, Weight: 1000})
	byHand := pausedAt(ReasonOperator, 1000, ResumePoint{Phase: Progressing, Weight: 1000})

	cases := []struct {
		name     string
		state    State
		alert    alerts.Alert
		health   Health
		phase    Phase
		weight   canary.Weight
		decision alerts.Decision
		reason   string // a part of it
	}{
		{"rollback", in(Progressing, 0, 1000), firing("critical"), healthy(), RollingBack, 0, alerts.RolledBack, "users suffer"},
		{"rollback while promoting", in(Promoting, 2, 5000), firing("critical"), healthy(), RollingBack, 0, alerts.RolledBack, ""},
		{"rollback in the bake", in(Baking, 3, canary.Full), firing("critical"), healthy(), RollingBack, 0, alerts.RolledBack, ""},
		{"rollback in the bake, the baseline reloaded: registry first", in(Baking, 3, canary.Full), firing("critical"), reloaded, RollingBack, canary.Full, alerts.RolledBack, ""},
		{"rollback while paused by hand", byHand, firing("critical"), healthy(), RollingBack, 0, alerts.RolledBack, ""},
		{"rollback while off traffic", restarted, firing("critical"), noBaseline, RollingBack, 0, alerts.RolledBack, ""},
		{"rollback before it has begun", in(Pending, 0, 0), firing("critical"), healthy(), RollingBack, 0, alerts.RolledBack, ""},
		{"never onto a baseline that is down", in(Progressing, 0, 1000), firing("critical"), noBaseline, Paused, 1000, alerts.Paused, "but the baseline"},
		{"pause", in(Progressing, 0, 1000), firing("warning"), healthy(), Paused, 1000, alerts.Paused, "p95 of 2 s and more"},
		{"an expression fits as a whole", in(Progressing, 0, 1000), firing("warnings"), healthy(), Progressing, 1000, alerts.Ignored, "no rule"},
		{"pause of a paused one", byHand, firing("warning"), healthy(), Paused, 1000, alerts.Ignored, "paused already (operator)"},
		{"pause of one that is off traffic", restarted, firing("warning"), healthy(), Paused, 0, alerts.Paused, ""},
		{"notify", in(Progressing, 0, 1000), firing("info"), healthy(), Progressing, 1000, alerts.Notified, ""},
		{"the first rule that fits decides", in(Progressing, 0, 1000), firing("critical", "team", "trial"), healthy(), Progressing, 1000, alerts.DryRun, "would rollback"},
		{"no rule", in(Progressing, 0, 1000), firing("none"), healthy(), Progressing, 1000, alerts.Ignored, "no rule of on_alert"},
		{"older than the rollout", in(Progressing, 0, 1000), old, healthy(), Progressing, 1000, alerts.Ignored, "firing since 2026-03-01T10:59:59Z, the rollout began at 2026-03-01T11:00:00Z"},
		{"resolved", in(Progressing, 0, 1000), resolved, healthy(), Progressing, 1000, alerts.Ignored, "resolved"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			next, effects := decide(t, alerting(c.state), alerted(c.health, c.alert))
			if len(next.Alerts) != 1 {
				t.Fatalf("%d decisions, want 1", len(next.Alerts))
			}
			x := next.Alerts[0]
			if next.Phase != c.phase || next.Weight != c.weight || x.Decision != c.decision || !strings.Contains(x.Reason, c.reason) {
				t.Errorf("got %s at %s, %s: %s; want %s at %s, %s: %s", next.Phase, next.Weight, x.Decision, x.Reason, c.phase, c.weight, c.decision, c.reason)
			}
			if !does[Record](effects) || does[ExecuteRollback](effects) != (c.phase == RollingBack) {
				t.Errorf("effects %+v", effects)
			}
			again, effects := decide(t, next, alerted(c.health, c.alert, c.alert))
			if again.Generation != next.Generation || len(effects) > 0 {
				t.Errorf("the same alert again: %+v", effects)
			}
		})
	}
}

func TestOrderOfAnAlertHoldsItsEvidence(t *testing.T) {
	a := firing("critical")
	s, _ := decide(t, alerting(in(Progressing, 0, 1000)), Alerted{Alerts: []alerts.Alert{a}, Health: healthy(), Gates: []judge.GateVerdict{{Name: "errors"}}})
	o := s.Order
	if o.Cause != CauseAlert || o.By != "alert Slow" || o.Reason != "users suffer" || len(o.Gates) != 1 || o.Alert == nil || o.Alert.Fingerprint != a.Fingerprint || o.Alert.ExternalURL != a.ExternalURL {
		t.Errorf("order %+v", o)
	}
}

// An alert says it once; the baseline that was not safe then is waited for.
func TestRollbackForAnAlertWaitsForTheBaseline(t *testing.T) {
	down := Health{Baseline: down(), Candidate: arm("2")}
	s, effects := decide(t, alerting(in(Progressing, 0, 1000)), alerted(down, firing("critical")))
	if s.Reason != ReasonBaselineUnhealthy || s.Waiting == nil || !does[RaiseIncident](effects) {
		t.Fatalf("%s, waiting %v", s.Reason, s.Waiting)
	}
	if s, _ = decide(t, s, tickWith(judge.Pass, down)); s.Phase != Paused {
		t.Fatalf("%s with the baseline down", s.Phase)
	}
	back, _ := decide(t, s, tickWith(judge.Pass, healthy()))
	if back.Phase != RollingBack || back.Cause != CauseAlert || back.Order.Alert == nil || back.Waiting != nil {
		t.Errorf("%s, cause %s", back.Phase, back.Cause)
	}
	resumed, _ := decide(t, s, Commanded{Command: Command{Kind: Resume, By: "ann"}, Health: healthy()})
	if resumed, _ = decide(t, resumed, tickWith(judge.Inconclusive, healthy())); resumed.Phase != Progressing {
		t.Errorf("%s after a person went on in spite of the alert", resumed.Phase)
	}
}

func TestPauseOfAnAlertOutlastsASuspension(t *testing.T) {
	before := alerting(pausedAt(ReasonRestarted, 0, ResumePoint{Phase: Progressing, Weight: 1000}))
	s, _ := decide(t, before, alerted(healthy(), firing("error")))
	if before.Resume.Reason != "" {
		t.Error("the state before was changed")
	}
	if s, _ = decide(t, s, tickWith(judge.Pass, healthy())); s.Phase != Paused || s.Reason != ReasonAlert || s.Weight != 1000 {
		t.Errorf("%s(%s) at %s, want paused(alert) at its weight", s.Phase, s.Reason, s.Weight)
	}
}

// A storm of different alerts fills neither the state nor the journal, and the
// one that matters still gets through.
func TestStormOfDifferentAlertsIsBounded(t *testing.T) {
	s := alerting(in(Progressing, 0, 1000))
	records, incidents := 0, 0
	for i := range 2000 {
		severity := []string{"none", "info"}[i%2]
		next, effects := decide(t, s, alerted(healthy(), firing(severity, "n", fmt.Sprint(i))))
		for _, e := range effects {
			switch e.(type) {
			case Record:
				records++
			case RaiseIncident:
				incidents++
			}
		}
		s = next
	}
	if len(s.Alerts) > alertsKept || records > alertsKept || incidents != raisedKept {
		t.Errorf("%d decisions kept, %d records, %d incidents", len(s.Alerts), records, incidents)
	}
	if s, _ = decide(t, s, alerted(healthy(), firing("critical"))); s.Phase != RollingBack {
		t.Errorf("%s after the alert that matters", s.Phase)
	}
}

func TestResolvedComesFirst(t *testing.T) {
	a := firing("critical")
	late := a
	a.Status = alerts.Resolved
	s, _ := decide(t, alerting(in(Progressing, 0, 1000)), alerted(healthy(), a))
	if s, _ = decide(t, s, alerted(healthy(), late)); s.Phase != RollingBack {
		t.Errorf("%s: a message that overtook another has silenced it", s.Phase)
	}
}

func TestStartForgetsTheAlertsOfTheLastRollout(t *testing.T) {
	s := alerting(in(RolledBack, 0, 0))
	s.Alerts = []AlertDecision{{Fingerprint: "a"}}
	s, _ = decide(t, s, Commanded{Command: Command{Kind: Start, Version: "3"}, New: &NewRollout{ID: "r2", Baseline: "1", Policy: alertPolicy()}})
	if len(s.Alerts) != 0 {
		t.Errorf("%+v", s.Alerts)
	}
}

// drawAlerts makes alerts from a small set, so that repetitions are common.
func drawAlerts(t *rapid.T, h Health) Event {
	e := Alerted{Health: h}
	for range rapid.IntRange(1, 4).Draw(t, "alerts") {
		a := firing(rapid.SampledFrom([]string{"critical", "warning", "info", "none"}).Draw(t, "severity"))
		a.StartsAt = noon.Add(time.Duration(rapid.IntRange(-1, 3).Draw(t, "starts")) * time.Minute)
		a.Status = rapid.SampledFrom([]string{alerts.Firing, alerts.Firing, alerts.Resolved}).Draw(t, "status")
		e.Alerts = append(e.Alerts, a)
	}
	return e
}

// checkAlerts: one decision for each firing, made once; an alert never gives a
// candidate more.
func checkAlerts(t *rapid.T, s, next State, e Event) {
	seen := map[string]bool{}
	for _, x := range next.Alerts {
		key := fmt.Sprint(x.Fingerprint, x.StartsAt, x.Resolved)
		if seen[key] {
			t.Fatalf("two decisions about %s", key)
		}
		seen[key] = true
	}
	if len(next.Alerts) > alertsKept {
		t.Fatalf("%d decisions kept", len(next.Alerts))
	}
	if _, ok := e.(Alerted); !ok {
		return
	}
	if next.Weight > s.Weight || next.Step != s.Step {
		t.Fatalf("an alert moved the rollout from %s in step %d to %s in step %d", s.Weight, s.Step, next.Weight, next.Step)
	}
}
