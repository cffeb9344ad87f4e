package alerts

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// Labels that have a meaning of their own.
const (
	NameLabel  = "alertname" // Prometheus's name of the rule
	ModelLabel = "model"     // the model that the alert is about
)

// Statuses of an alert.
const (
	Firing   = "firing"
	Resolved = "resolved"
)

// Alert is one alert as it came: the evidence that an incident keeps.
type Alert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"starts_at"`
	GeneratorURL string            `json:"generator_url,omitempty"`
	// Fingerprint tells alerts apart: it is made from the labels alone.
	Fingerprint string `json:"fingerprint"`
	// Receiver and ExternalURL say who sent it: the name in Alertmanager's
	// configuration and the address of its web page.
	Receiver    string    `json:"receiver,omitempty"`
	ExternalURL string    `json:"external_url,omitempty"`
	ReceivedAt  time.Time `json:"received_at"`
}

// Name is the name of the rule that fired, for people; never "".
func (a Alert) Name() string {
	if n := a.Labels[NameLabel]; n != "" {
		return n
	}
	return a.Fingerprint
}

// Model is the model that the alert names; "" when it names none.
func (a Alert) Model() string { return a.Labels[ModelLabel] }

// ID is what one decision is made about: the same alert, firing since the same
// moment, by whichever Alertmanager and however often it comes.
func (a Alert) ID() ID { return ID{a.Fingerprint, a.StartsAt.UTC()} }

// ID identifies one firing of one alert. StartsAt is in UTC.
type ID struct {
	Fingerprint string
	StartsAt    time.Time
}

// Fingerprint is Alertmanager's own for these labels: FNV-1a of 64 bits over
// the names in order, each name and value followed by a byte that no text in
// UTF-8 holds (prometheus/common, model.LabelsToSignature).
func Fingerprint(labels map[string]string) string {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		for _, part := range []string{name, labels[name]} {
			_, _ = h.Write([]byte(part)) // a hash takes everything
			_, _ = h.Write([]byte{0xff})
		}
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
