package configs

import (
	"path/filepath"

	"github.com/headgate/headgate/internal/admin"
	"github.com/headgate/headgate/internal/drill"
	"github.com/headgate/headgate/internal/journal"
	"github.com/headgate/headgate/internal/notify"
	"github.com/headgate/headgate/internal/registry"
	"github.com/headgate/headgate/internal/rollout"
	"github.com/headgate/headgate/proxy"
)

// FormatVersion is the policy format that this program reads.
const FormatVersion = 1

// IncidentsDir is where incidents are kept when a model names no place: a
// directory of the state directory.
const IncidentsDir = "incidents"

// Policy is a whole policy file: loaded, with defaults, valid.
type Policy struct {
	Version int `yaml:"version"`
	// Traffic is the data plane without its routes; Proxy puts both together.
	Traffic  proxy.Config    `yaml:"traffic"`
	Admin    admin.Config    `yaml:"admin"`
	State    journal.Config  `yaml:"state"`
	Registry registry.Config `yaml:"registry"`
	Routes   []proxy.Route   `yaml:"routes"`
	// Models holds a policy for each model that can be tried, by its name.
	Models map[string]Model `yaml:"models"`
}

// Model is one model's policy, where its incidents go and whether its rollback
// has to be practised.
type Model struct {
	rollout.Config `yaml:",inline"`
	Incidents      []notify.Config `yaml:"incidents,omitempty"`
	// Drill is what a start asks of the last practised rollback; nil: nothing.
	Drill *drill.Config `yaml:"drill,omitempty"`
}

// Proxy is the data plane's part of the policy.
func (p *Policy) Proxy() proxy.Config {
	c := p.Traffic
	c.Routes = p.Routes
	return c
}

// setDefaults fills in what the file leaves out.
func (p *Policy) setDefaults() {
	all := p.Proxy()
	all.SetDefaults()
	p.Routes = all.Routes
	p.Traffic = all
	p.Traffic.Routes = nil
	p.Admin.SetDefaults()
	p.State.SetDefaults()
	p.Registry.SetDefaults()
	for name, m := range p.Models {
		m.SetDefaults()
		if m.Drill != nil {
			m.Drill.SetDefaults()
		}
		if m.Incidents == nil {
			m.Incidents = []notify.Config{{File: filepath.Join(p.State.Dir, IncidentsDir)}}
		}
		for i := range m.Incidents {
			m.Incidents[i].SetDefaults()
		}
		p.Models[name] = m
	}
}
