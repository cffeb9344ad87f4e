package alerts

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Version is the version of Alertmanager's webhook that is understood; it has
// been the only one since Alertmanager 0.6.
const Version = "4"

// MaxAlerts bounds one message. A group can be larger: Alertmanager cuts it
// with max_alerts of the receiver, which generated ones set.
const MaxAlerts = 2000

// Limits of one alert, far above anything in use: it is kept as evidence.
const (
	maxLabels = 100
	maxText   = 32 << 10 // bytes of all labels and annotations together
)

// ErrTooMany says that a message holds more than MaxAlerts alerts.
var ErrTooMany = fmt.Errorf("more than %d alerts in one message", MaxAlerts)

// Message is one webhook as understood.
type Message struct {
	Alerts []Alert
	// Truncated is how many alerts of the group Alertmanager left out.
	Truncated int
}

// wire is the webhook as it comes. What is not named here is passed over:
// Alertmanager has added fields before, and will again.
type wire struct {
	Version     string           `json:"version"`
	Receiver    string           `json:"receiver"`
	ExternalURL string           `json:"externalURL"`
	Truncated   int              `json:"truncatedAlerts"`
	Alerts      *json.RawMessage `json:"alerts"`
}

type wireAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     string            `json:"startsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// Parse reads a webhook; now is when it came. Errors name the field and what
// was wanted, and never repeat a value.
func Parse(data []byte, now time.Time) (Message, error) {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return Message{}, said("", err)
	}
	switch {
	case w.Version != Version:
		return Message{}, fmt.Errorf("version: wanted %q, Alertmanager's webhook since 0.6", Version)
	case w.Alerts == nil:
		return Message{}, errors.New("alerts: wanted a list of alerts")
	}
	var list []json.RawMessage
	if err := json.Unmarshal(*w.Alerts, &list); err != nil {
		return Message{}, errors.New("alerts: wanted a list of alerts")
	}
	if len(list) > MaxAlerts {
		return Message{}, ErrTooMany
	}
	m := Message{Alerts: make([]Alert, len(list)), Truncated: w.Truncated}
	for i, raw := range list {
		var a wireAlert
		if err := json.Unmarshal(raw, &a); err != nil {
			return Message{}, said(fmt.Sprintf("alerts[%d]", i), err)
		}
		alert, err := a.understood()
		if err != nil {
			return Message{}, fmt.Errorf("alerts[%d].%w", i, err)
		}
		alert.Receiver, alert.ExternalURL, alert.ReceivedAt = w.Receiver, w.ExternalURL, now.UTC()
		m.Alerts[i] = alert
	}
	return m, nil
}

var plainFingerprint = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (w wireAlert) understood() (Alert, error) {
	a := Alert{Status: w.Status, Labels: w.Labels, Annotations: w.Annotations, GeneratorURL: w.GeneratorURL, Fingerprint: w.Fingerprint}
	if a.Status != Firing && a.Status != Resolved {
		return a, fmt.Errorf("status: wanted %s or %s", Firing, Resolved)
	}
	if len(a.Labels) == 0 || len(a.Labels) > maxLabels {
		return a, fmt.Errorf("labels: wanted 1 to %d labels", maxLabels)
	}
	if size := textSize(a.Labels) + textSize(a.Annotations) + len(a.GeneratorURL); size > maxText {
		return a, fmt.Errorf("labels: wanted at most %d bytes of labels and annotations", maxText)
	}
	var err error
	if a.StartsAt, err = time.Parse(time.RFC3339Nano, w.StartsAt); err != nil || a.StartsAt.Year() < 2000 {
		return a, errors.New("startsAt: wanted a point in time such as 2026-03-01T12:00:00Z")
	}
	a.StartsAt = a.StartsAt.UTC()
	if a.Fingerprint == "" {
		a.Fingerprint = Fingerprint(a.Labels)
	}
	if !plainFingerprint.MatchString(a.Fingerprint) {
		return a, errors.New("fingerprint: wanted 1 to 64 letters, digits, - and _, or none at all")
	}
	return a, nil
}

func textSize(m map[string]string) int {
	n := 0
	for k, v := range m {
		n += len(k) + len(v)
	}
	return n
}

// said turns an error of the decoder into where and what was wanted.
func said(at string, err error) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	dot := ""
	if at != "" {
		dot = "."
	}
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s%s%s: wanted %s, got %s", at, dot, kind.Field, kindName(kind), kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s: wanted an object, got %s", cmp.Or(at, "the body"), kind.Value)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w (byte %d)", syntax, syntax.Offset)
	}
	return errors.New("not JSON: it ends early")
}

func kindName(e *json.UnmarshalTypeError) string {
	if s := e.Type.String(); s == "map[string]string" {
		return "an object of texts"
	} else if s == "int" {
		return "a number"
	}
	return "text"
}
