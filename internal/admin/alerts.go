package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/rollout"
)

// Bounds of the alerts' endpoint. Alertmanager sends a failed message again
// when the status is 5xx and drops it otherwise, 429 included: whatever is our
// trouble and not the message's is a 5xx.
const (
	maxAlertBody  = 4 << 20 // bytes; one message of Alertmanager
	alertsAtOnce  = 16      // messages being read or decided about
	alertReadTime = 5 * time.Second
	alertTimeout  = 8 * time.Second // below Alertmanager's own ten
	alertRetry    = "1"             // seconds, for Retry-After
)

// CodeBusy says that the same request should come again in a moment.
const CodeBusy rollout.Code = "busy"

// Alerts is the part of the backend that alerts are for.
type Alerts interface {
	// Alert decides about alerts, once each, whoever sends them and however
	// often. The order is that of the list, with one answer for each model that
	// an alert may be about. An error means that they should come again.
	Alert(ctx context.Context, list []alerts.Alert) ([]AlertAnswer, error)
}

// AlertAnswer is what became of one alert for one model.
type AlertAnswer struct {
	Model   string `json:"model,omitempty"`
	Rollout string `json:"rollout,omitempty"`
	rollout.AlertDecision
}

// AlertAnswers is what the endpoint answers.
type AlertAnswers struct {
	Alerts []AlertAnswer `json:"alerts"`
	// Truncated is how many alerts of the group Alertmanager left out of the
	// message (max_alerts).
	Truncated int `json:"truncated"`
}

// takeAlerts reads one message of Alertmanager and has it decided about.
func (s *Server) takeAlerts(w http.ResponseWriter, r *http.Request, _ string) (any, error) {
	select {
	case s.alerting <- struct{}{}:
		defer func() { <-s.alerting }()
	default:
		return nil, busy(w, fmt.Sprintf("%d messages are being decided about already", alertsAtOnce))
	}
	m, err := readAlerts(w, r, s.now())
	if err != nil {
		return nil, err
	}
	if m.Truncated > 0 {
		s.cuts.Do(func() {
			s.log.Warn("alertmanager left alerts out of a message: raise max_alerts of its receiver", "left_out", m.Truncated)
		})
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), alertTimeout)
	defer cancel()
	answers, err := s.backend.Alert(ctx, m.Alerts)
	if err != nil {
		s.log.Error("alerts not decided about, they should come again", "alerts", len(m.Alerts), "error", err)
		detail := "no decision could be made; send it again"
		if errors.Is(err, rollout.ErrUnwritten) {
			detail = rollout.ErrUnwritten.Error() + "; send it again"
		}
		return nil, busy(w, detail)
	}
	if answers == nil {
		answers = []AlertAnswer{}
	}
	return AlertAnswers{Alerts: answers, Truncated: m.Truncated}, nil
}

// readAlerts reads the body within a time of its own: a sender that trickles
// holds one of few places.
func readAlerts(w http.ResponseWriter, r *http.Request, now time.Time) (alerts.Message, error) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(alertReadTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return alerts.Message{}, fmt.Errorf("read the alerts: %w", err)
	}
	if err := jsonOnly(r); err != nil {
		return alerts.Message{}, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAlertBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return alerts.Message{}, problem(CodeTooLarge, fmt.Sprintf("the body is longer than %d bytes", maxAlertBody), "set max_alerts of the receiver: Alertmanager drops what is answered like this")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return alerts.Message{}, busy(w, fmt.Sprintf("the body took longer than %s", alertReadTime))
	case err != nil:
		return alerts.Message{}, problem(CodeMalformed, "the body ended early", "")
	}
	m, err := alerts.Parse(body, now)
	switch {
	case errors.Is(err, alerts.ErrTooMany):
		return m, problem(CodeTooLarge, err.Error(), "set max_alerts of the receiver: Alertmanager drops what is answered like this")
	case err != nil:
		return m, problem(CodeMalformed, err.Error(), "this address takes Alertmanager's webhook, version 4")
	}
	return m, nil
}

func busy(w http.ResponseWriter, detail string) *Problem {
	w.Header().Set("Retry-After", alertRetry)
	return problem(CodeBusy, detail, "")
}
