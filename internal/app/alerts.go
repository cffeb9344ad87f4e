package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/rollout"
)

// Alert gives each alert to the models it may be about: the one that its label
// names, or every model when it names none.
func (a *App) Alert(ctx context.Context, list []alerts.Alert) ([]admin.AlertAnswer, error) {
	names := a.names()
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	answers := make([][]admin.AlertAnswer, len(list)) // by alert
	var failed error
	for _, name := range names {
		failed = errors.Join(failed, a.alertModel(ctx, name, list, answers))
	}
	if failed != nil {
		return nil, failed
	}
	var out []admin.AlertAnswer
	for i, alert := range list {
		if model := alert.Model(); model != "" && !known[model] {
			answers[i] = []admin.AlertAnswer{unknownModel(alert)}
			a.metrics.alerts.WithLabelValues("", string(alerts.Ignored)).Inc()
		}
		out = append(out, answers[i]...)
	}
	return out, nil
}

// alertModel decides about those of the alerts that may be about one model.
func (a *App) alertModel(ctx context.Context, name string, list []alerts.Alert, answers [][]admin.AlertAnswer) error {
	var mine []alerts.Alert
	var at []int
	for i, alert := range list {
		if model := alert.Model(); model == name || model == "" {
			mine, at = append(mine, alert), append(at, i)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	m, err := a.model(name)
	if err != nil {
		return nil //nolint:nilerr // a reload has just taken the model away: nothing to decide
	}
	decided, err := m.ctl.Alert(ctx, mine)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	id := m.ctl.View().ID
	for i, x := range decided {
		answers[at[i]] = append(answers[at[i]], admin.AlertAnswer{Model: name, Rollout: id, AlertDecision: x})
		a.metrics.alerts.WithLabelValues(name, string(x.Decision)).Inc()
		if x.Decision != alerts.Duplicate && x.Decision != alerts.Ignored {
			a.log.Warn("alert decided", "model", name, "rollout", id, "alert", x.Alert, "fingerprint", x.Fingerprint, "decision", string(x.Decision), "rule", x.Rule, "reason", x.Reason)
		}
	}
	return nil
}

func unknownModel(alert alerts.Alert) admin.AlertAnswer {
	return admin.AlertAnswer{Model: alert.Model(), AlertDecision: rollout.AlertDecision{
		Alert: alert.Name(), Fingerprint: alert.Fingerprint, StartsAt: alert.StartsAt, Resolved: alert.Status == alerts.Resolved,
		Decision: alerts.Ignored, Reason: "the policy names no such model",
	}}
}
