package drill

import "time"

// Defaults of the condition; the YAML and the help texts quote them.
const (
	DefaultMaxAge     = 720 * time.Hour
	DefaultTrafficOff = time.Second
	DefaultRegistry   = time.Minute
)

// mostRegistry bounds what a policy may give the registry, so that a drill ends.
const mostRegistry = time.Hour

// Config is the condition "rollback plan verified": a start asks for a drill
// that is no older than MaxAge and kept both limits.
type Config struct {
	// MaxAge is how long a drill counts.
	MaxAge time.Duration `yaml:"max_age,omitempty" json:"max_age"`
	// TrafficOff is the most that may lie between the decision and the last
	// request that the candidate gets.
	TrafficOff time.Duration `yaml:"traffic_off,omitempty" json:"traffic_off"`
	// Registry is the most that may lie between the decision and the registry
	// being right again, read back.
	Registry time.Duration `yaml:"registry,omitempty" json:"registry"`
}

// SetDefaults fills in what the policy leaves out.
func (c *Config) SetDefaults() {
	if c.MaxAge == 0 {
		c.MaxAge = DefaultMaxAge
	}
	if c.TrafficOff == 0 {
		c.TrafficOff = DefaultTrafficOff
	}
	if c.Registry == 0 {
		c.Registry = DefaultRegistry
	}
}

// Validate reports what is wrong, each with its path, value and what was wanted.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	if c.MaxAge <= 0 {
		report("max_age", c.MaxAge, "a duration above 0s, such as 720h")
	}
	if c.TrafficOff <= 0 {
		report("traffic_off", c.TrafficOff, "a duration above 0s, such as 1s")
	}
	if c.Registry <= 0 || c.Registry > mostRegistry {
		report("registry", c.Registry, "a duration above 0s and up to 1h, such as 60s")
	}
}

// Limits are the two that a drill is held against, in seconds.
type Limits struct {
	TrafficOff float64 `json:"traffic_off_s"`
	Registry   float64 `json:"registry_s"`
}

// Limits are the ones of the condition.
func (c Config) Limits() Limits {
	return Limits{TrafficOff: c.TrafficOff.Seconds(), Registry: c.Registry.Seconds()}
}
