package configs

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/alerts/rules"
	"github.com/headgate/headgate/proxy"
)

// AlertsPath is where the admin listener takes Alertmanager's webhook.
const AlertsPath = "/api/v1/alerts"

// DefaultTokenFile is where Alertmanager finds its bearer token when the policy
// asks for tokens.
const DefaultTokenFile = "/etc/alertmanager/headgate.token"

// Defaults of AlertOptions.
const (
	DefaultAlertWindow = rules.DefaultWindow
	DefaultAlertFor    = rules.DefaultFor
)

// AlertOptions shape the files for Prometheus and Alertmanager.
type AlertOptions struct {
	// Window is what rates are taken over; 0 = DefaultAlertWindow.
	Window time.Duration
	// For is how long a value stays beyond its limit before it counts; 0 = it
	// counts at once.
	For time.Duration
	// URL is the admin API as Alertmanager reaches it; "" = admin.listen.
	URL string
	// TokenFile holds the bearer token; "" = DefaultTokenFile when the policy has
	// tokens, none otherwise.
	TokenFile string
}

// AlertFiles are the two files that make alerts of a policy's gates and bring
// them back.
type AlertFiles struct {
	Rules        rules.File         `json:"prometheus_rules"`
	Alertmanager rules.Alertmanager `json:"alertmanager"`
	// Notes say what a rule cannot hold as exactly as its gate.
	Notes []string `json:"notes"`
}

// AlertFiles makes Prometheus's rules and Alertmanager's configuration from the
// policy's gates and its on_alert.
func (p *Policy) AlertFiles(o AlertOptions) AlertFiles {
	f := AlertFiles{Notes: []string{}}
	var notes []string
	f.Rules, notes = rules.Generate(p.alertModels(), rules.Options{
		Window: cmp.Or(o.Window, DefaultAlertWindow), For: o.For, Buckets: proxy.DurationBuckets(),
	})
	f.Notes = append(f.Notes, notes...)
	var asked []alerts.Rule
	for _, name := range slices.Sorted(maps.Keys(p.Models)) {
		asked = append(asked, p.Models[name].OnAlert...)
	}
	if len(asked) == 0 {
		f.Notes = append(f.Notes, "the policy has no on_alert: Alertmanager sends Headgate nothing")
	}
	f.Alertmanager = rules.Routes(asked, cmp.Or(o.URL, p.adminURL())+AlertsPath, p.tokenFile(o))
	return f
}

func (p *Policy) alertModels() []rules.Model {
	var out []rules.Model
	for _, r := range p.Routes {
		if m, ok := p.Models[r.Model]; ok && r.Candidate != nil {
			out = append(out, rules.Model{Name: r.Model, Route: r.Name, MinRequests: m.MinRequests, Gates: m.Gates})
		}
	}
	return out
}

// adminURL is where the admin listener is found on its own machine.
func (p *Policy) adminURL() string {
	host, port, err := net.SplitHostPort(p.Admin.Listen)
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func (p *Policy) tokenFile(o AlertOptions) string {
	if o.TokenFile == "" && len(p.Admin.Tokens) > 0 {
		return DefaultTokenFile
	}
	return o.TokenFile
}

// RulesYAML is the file for Prometheus's rule_files.
func (f AlertFiles) RulesYAML() []byte {
	return written("Prometheus's alerting rules, written by `headgate alerts generate` from the policy's\n# gates: change the policy and write them anew.", f.Rules)
}

// AlertmanagerYAML is a whole configuration of Alertmanager.
func (f AlertFiles) AlertmanagerYAML() []byte {
	return written("Alertmanager's configuration, written by `headgate alerts generate` from the policy's\n# on_alert. The receiver \"people\" tells nobody yet: add yours.", f.Alertmanager)
}

func written(what string, v any) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", what)
	e, err := yaml.NewDumper(&b, yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err == nil {
		err = e.Dump(v)
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		panic("BUG: an alert file that cannot be written: " + err.Error())
	}
	return b.Bytes()
}

// unmet warns of a policy whose alerts nobody would make: no rule of on_alert
// takes any alert that the generated rules can send.
func (p *Policy) unmet(model string) []string {
	asked := p.Models[model].OnAlert
	if len(asked) == 0 {
		return nil
	}
	for _, g := range p.AlertFiles(AlertOptions{}).Rules.Groups {
		for _, made := range g.Rules {
			labels := maps.Clone(made.Labels)
			labels[alerts.NameLabel] = made.Alert
			if about := labels[alerts.ModelLabel]; about != "" && about != model {
				continue
			}
			if _, ok := alerts.First(asked, labels); ok {
				return nil
			}
		}
	}
	return []string{"on_alert takes none of the alerts that headgate alerts generate makes (labels severity, model, gate, headgate): only alerts of your own rules reach it"}
}
