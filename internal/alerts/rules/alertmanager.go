package rules

import (
	"strings"

	"github.com/headgate/headgate/internal/alerts"
)

// Receivers of the generated configuration.
const (
	ReceiverPeople   = "people"
	ReceiverHeadgate = "headgate"
)

// maxAlerts is far below what Headgate takes in one message.
const maxAlerts = 1000

// Alertmanager is a whole configuration: it can be used as it is, or its route
// and receiver copied into another one.
type Alertmanager struct {
	Route     Route      `yaml:"route" json:"route"`
	Receivers []Receiver `yaml:"receivers" json:"receivers"`
}

// Route sends what its matchers take to a receiver.
type Route struct {
	Receiver       string   `yaml:"receiver" json:"receiver"`
	Matchers       []string `yaml:"matchers,omitempty" json:"matchers,omitempty"`
	Continue       bool     `yaml:"continue,omitempty" json:"continue,omitempty"`
	GroupBy        []string `yaml:"group_by,flow,omitempty" json:"group_by,omitempty"`
	GroupWait      string   `yaml:"group_wait,omitempty" json:"group_wait,omitempty"`
	GroupInterval  string   `yaml:"group_interval,omitempty" json:"group_interval,omitempty"`
	RepeatInterval string   `yaml:"repeat_interval,omitempty" json:"repeat_interval,omitempty"`
	Routes         []Route  `yaml:"routes,omitempty" json:"routes,omitempty"`
}

// Receiver is where alerts go; without webhooks it takes and does nothing.
type Receiver struct {
	Name     string    `yaml:"name" json:"name"`
	Webhooks []Webhook `yaml:"webhook_configs,omitempty" json:"webhook_configs,omitempty"`
}

// Webhook posts alerts to Headgate.
type Webhook struct {
	URL          string `yaml:"url" json:"url"`
	SendResolved bool   `yaml:"send_resolved" json:"send_resolved"`
	MaxAlerts    int    `yaml:"max_alerts" json:"max_alerts"`
	HTTP         HTTP   `yaml:"http_config" json:"http_config"`
}

// HTTP is how the webhook is called.
type HTTP struct {
	Authorization   *Authorization `yaml:"authorization,omitempty" json:"authorization,omitempty"`
	FollowRedirects bool           `yaml:"follow_redirects" json:"follow_redirects"`
}

// Authorization is the bearer token, in a file that Alertmanager reads.
type Authorization struct {
	Type            string `yaml:"type" json:"type"`
	CredentialsFile string `yaml:"credentials_file" json:"credentials_file"`
}

// Routes makes the configuration: what a rule of on_alert takes goes to
// Headgate at once, and to people as everything does. tokenFile "" sends no
// token.
func Routes(rules []alerts.Rule, url, tokenFile string) Alertmanager {
	root := Route{Receiver: ReceiverPeople, GroupBy: []string{"alertname", "model", "gate"}, GroupWait: "10s", GroupInterval: "1m", RepeatInterval: "4h"}
	known := map[string]bool{}
	for _, r := range rules {
		text := strings.Join(r.Matchers(), ",")
		if known[text] {
			continue // two models ask for the same alerts: once is enough
		}
		known[text] = true
		root.Routes = append(root.Routes, Route{
			Receiver: ReceiverHeadgate, Matchers: r.Matchers(), Continue: true,
			// At once: users wait. Again soon: what is decided already costs nothing,
			// and a Headgate that was away hears of it.
			GroupWait: "0s", GroupInterval: "10s", RepeatInterval: "1m",
		})
	}
	hook := Webhook{URL: url, MaxAlerts: maxAlerts}
	if tokenFile != "" {
		hook.HTTP.Authorization = &Authorization{Type: "Bearer", CredentialsFile: tokenFile}
	}
	return Alertmanager{Route: root, Receivers: []Receiver{{Name: ReceiverPeople}, {Name: ReceiverHeadgate, Webhooks: []Webhook{hook}}}}
}
