package registry

import (
	"net/url"
	"regexp"
	"strings"
)

// Modes of a registry.
const (
	ModeStages  = "stages"
	ModeAliases = "aliases"
	ModeLocal   = "local"
)

// Ways to sign in, when it is not left to what is set.
const (
	AuthNone       = "none"
	AuthBasic      = "basic"
	AuthBearer     = "bearer"
	AuthBasicToken = "basic-token"
)

// Defaults that the policy file and the help texts quote.
const (
	DefaultBaselineAlias  = "champion"
	DefaultCandidateAlias = "challenger"
	// DefaultCallsPerSecond paces all calls of one client.
	DefaultCallsPerSecond = 20
)

// Config names the registry: exactly one of its fields is set.
type Config struct {
	MLflow *MLflowConfig `yaml:"mlflow,omitempty"`
	Local  *LocalConfig  `yaml:"local,omitempty"`
}

// LocalConfig is the registry kept in Headgate's journal; it has no settings.
type LocalConfig struct{}

// MLflowConfig is the way to an MLflow tracking server. What is left empty is
// taken from MLflow's own environment variables and ~/.mlflow/credentials.
type MLflowConfig struct {
	// TrackingURI may carry a path. Else MLFLOW_TRACKING_URI.
	TrackingURI string `yaml:"tracking_uri,omitempty"`
	// Mode says whether stages or aliases tell what is in production: it is
	// never guessed. Default stages.
	Mode    string  `yaml:"mode,omitempty"`
	Aliases Aliases `yaml:"aliases,omitempty"`
	// Auth is none, basic, bearer or basic-token (the token as user and password
	// both). Empty: basic when user and password are set, else bearer when a
	// token is, which for dagshub.com means basic-token; else none.
	Auth     string `yaml:"auth,omitempty"`
	Username string `yaml:"username,omitempty"`
	Password string `yaml:"password,omitempty"`
	Token    string `yaml:"token,omitempty"`
	// InsecureTLS takes any certificate; not together with CACert.
	InsecureTLS bool   `yaml:"insecure_tls,omitempty"`
	CACert      string `yaml:"ca_cert,omitempty"`     // path of a PEM file
	ClientCert  string `yaml:"client_cert,omitempty"` // path of a PEM file with key and certificate
	// Workspace is sent as X-MLFLOW-WORKSPACE, only when set: servers without
	// workspaces answer it with an error.
	Workspace string `yaml:"workspace,omitempty"`
	// CallsPerSecond paces the calls.
	CallsPerSecond int `yaml:"calls_per_second,omitempty"`
}

// Aliases are the names that stand for stages in mode aliases.
type Aliases struct {
	Baseline  string `yaml:"baseline,omitempty"`
	Candidate string `yaml:"candidate,omitempty"`
}

// SetDefaults fills in what the policy leaves out.
func (c *Config) SetDefaults() {
	if c.MLflow == nil {
		return
	}
	m := c.MLflow
	setDefault(&m.Mode, ModeStages)
	setDefault(&m.Aliases.Baseline, DefaultBaselineAlias)
	setDefault(&m.Aliases.Candidate, DefaultCandidateAlias)
	if m.CallsPerSecond == 0 {
		m.CallsPerSecond = DefaultCallsPerSecond
	}
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// Validate reports what is wrong with the configuration. What may come from
// the environment is not missed here.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	switch {
	case c.MLflow == nil && c.Local == nil:
		report("", nil, "mlflow or local")
	case c.MLflow != nil && c.Local != nil:
		report("local", nil, "only one of mlflow and local")
	}
	if c.MLflow != nil {
		c.MLflow.validate(func(path string, value any, wanted string) { report("mlflow."+path, value, wanted) })
	}
}

// aliasName is what MLflow takes as an alias.
var (
	aliasName     = regexp.MustCompile(`^[\w-]{1,255}$`)
	aliasReserved = regexp.MustCompile(`^(?i:latest|v\d+)$`)
)

func (c MLflowConfig) validate(report func(path string, value any, wanted string)) {
	if c.TrackingURI != "" {
		u, err := url.Parse(c.TrackingURI)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			report("tracking_uri", withoutSecrets(c.TrackingURI), "an http:// or https:// address")
		}
	}
	if c.Mode != ModeStages && c.Mode != ModeAliases {
		report("mode", c.Mode, "stages or aliases")
	}
	for _, a := range []struct{ path, name string }{{"aliases.baseline", c.Aliases.Baseline}, {"aliases.candidate", c.Aliases.Candidate}} {
		if !aliasName.MatchString(a.name) || aliasReserved.MatchString(a.name) {
			report(a.path, a.name, "letters, digits, _ and -, and not latest or v1, v2, …")
		}
	}
	if c.Aliases.Baseline == c.Aliases.Candidate {
		report("aliases.candidate", c.Aliases.Candidate, "another name than the baseline's")
	}
	switch c.Auth {
	case "", AuthNone, AuthBasic, AuthBearer, AuthBasicToken:
	default:
		report("auth", c.Auth, "none, basic, bearer or basic-token")
	}
	if (c.Username == "") != (c.Password == "") {
		report("username", c.Username, "username and password both, or neither")
	}
	if c.InsecureTLS && c.CACert != "" {
		report("insecure_tls", true, "not together with ca_cert")
	}
	if c.CallsPerSecond < 1 {
		report("calls_per_second", c.CallsPerSecond, "1 or more")
	}
}

// withoutSecrets cuts user and password out of an address.
func withoutSecrets(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	authority, path, slash := strings.Cut(rest, "/")
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		authority = authority[i+1:]
	}
	if slash {
		path = "/" + path
	}
	return scheme + "://" + authority + path
}
