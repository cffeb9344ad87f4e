package configs

import (
	"maps"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/alerts"
)

// AlertTest is what would become of one alert.
type AlertTest struct {
	Alert       string          `json:"alert"`
	Fingerprint string          `json:"fingerprint"`
	Model       string          `json:"model"`
	Decision    alerts.Decision `json:"decision"`
	Rule        string          `json:"rule,omitempty"`
	Reason      string          `json:"reason"`
}

// TestAlerts says what a message of Alertmanager's webhook would do to rollouts
// that began before its alerts did.
func (p *Policy) TestAlerts(data []byte, now time.Time) ([]AlertTest, error) {
	m, err := alerts.Parse(data, now)
	if err != nil {
		return nil, err
	}
	out := []AlertTest{}
	for _, a := range m.Alerts {
		out = append(out, p.testAlert(a)...)
	}
	return out, nil
}

func (p *Policy) testAlert(a alerts.Alert) []AlertTest {
	test := AlertTest{Alert: a.Name(), Fingerprint: a.Fingerprint, Model: a.Model(), Decision: alerts.Ignored}
	if _, known := p.Models[a.Model()]; !known && a.Model() != "" {
		test.Reason = "the policy names no such model"
		return []AlertTest{test}
	}
	var out []AlertTest
	for _, name := range slices.Sorted(maps.Keys(p.Models)) {
		if a.Model() != "" && a.Model() != name {
			continue
		}
		test.Model, test.Decision, test.Rule = name, alerts.Ignored, ""
		wish := alerts.Judge(p.Models[name].OnAlert, a.StartsAt, a)
		if test.Reason = wish.Ignored; wish.Ignored == "" {
			test.Rule, test.Decision, test.Reason = wish.Rule.Title(), wish.Rule.Decision(), wish.Rule.Sentence()
		}
		out = append(out, test)
	}
	return out
}
