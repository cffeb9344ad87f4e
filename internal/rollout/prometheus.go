package rollout

import (
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Bounds and defaults of the queries.
const (
	DefaultPrometheusEvery = 15 * time.Second
	minPrometheusEvery     = time.Second
	maxQueries             = 16
	// ArmVariable is what a query names the arm by.
	ArmVariable = "$arm"
)

var queryName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// Prometheus says which values a Prometheus is asked for while the candidate has
// users. It is frozen with the rest, so it names files where secrets are.
type Prometheus struct {
	URL string `yaml:"url" json:"url"`
	// Every is how often each query is asked, once for each arm.
	Every time.Duration `yaml:"every,omitempty" json:"every"`
	// TokenFile holds a bearer token; "" = none. It is read at each query.
	TokenFile string `yaml:"token_file,omitempty" json:"token_file,omitempty"`
	// Username and PasswordFile are for basic authentication.
	Username     string `yaml:"username,omitempty" json:"username,omitempty"`
	PasswordFile string `yaml:"password_file,omitempty" json:"password_file,omitempty"`
	// Queries are PromQL by the name that gates know their value by; $arm in them
	// is baseline or candidate.
	Queries map[string]string `yaml:"queries" json:"queries"`
}

// SetDefaults fills in what the policy leaves out.
func (p *Prometheus) SetDefaults() {
	if p.Every == 0 {
		p.Every = DefaultPrometheusEvery
	}
}

// Validate reports what is wrong, each with its path, value and what was wanted.
func (p Prometheus) Validate(report func(path string, value any, wanted string)) {
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		report("url", p.URL, "the address of a Prometheus, such as http://127.0.0.1:9090")
	case u.User != nil:
		report("url", u.Redacted(), "an address without a user: username and password_file name them")
	}
	if p.Every < minPrometheusEvery {
		report("every", p.Every, "a duration of 1s or more")
	}
	if (p.Username == "") != (p.PasswordFile == "") {
		report("username", p.Username, "both of username and password_file, or neither")
	}
	if p.TokenFile != "" && p.Username != "" {
		report("token_file", p.TokenFile, "a token or a user, not both")
	}
	if len(p.Queries) == 0 || len(p.Queries) > maxQueries {
		report("queries", len(p.Queries), "1 to 16 queries by their names")
	}
	for name, query := range p.Queries {
		if !queryName.MatchString(name) {
			report("queries", name, "a name of 1 to 64 letters, digits, _ . or -")
		}
		if !strings.Contains(query, ArmVariable) {
			report("queries."+name, query, "a query with $arm, which is baseline or candidate: without it both arms get the same value")
		}
	}
}

// For is the query about one arm.
func (p Prometheus) For(name, arm string) string {
	return strings.ReplaceAll(p.Queries[name], ArmVariable, arm)
}
