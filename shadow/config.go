package shadow

import (
	"slices"
	"time"

	"github.com/headgate/headgate/internal/kpi"
)

// Defaults of a mirror.
const (
	DefaultShare = Full

	DefaultQueue       = 1024            // copies that wait to be sent
	DefaultBytes       = 64 * MiB        // of requests, of live answers, and of the shadow's above 64 KiB
	DefaultConcurrency = 64              // copies being sent at once
	DefaultTimeout     = 5 * time.Second // to the end of an answer; also the longest wait in the queue
	DefaultMaxBody     = 1 * MiB         // larger requests are not mirrored
	DefaultMaxAnswer   = 1 * MiB         // larger answers are cut and not compared
	DefaultRead        = 8 * MiB         // per second, of answers above 64 KiB; no copies are sent while it is overdrawn

	DefaultAbsolute = 1e-9
	DefaultRelative = 1e-6

	DefaultNoiseShare = Share(1000) // 10 %
	DefaultLearn      = 50

	DefaultSamples = 64 // differing pairs kept: half the newest, half drawn from all
)

// DefaultMethods are mirrored unless the policy says otherwise.
func DefaultMethods() []string { return []string{"GET", "HEAD", "POST"} }

// DefaultPaths are the paths on which methods other than GET and HEAD are
// mirrored: those of inference, which change nothing on the server.
func DefaultPaths() []string {
	return []string{
		"/**/predict", "/**/predictions", "/**/predictions/*", "/**/invocations", "/**/score",
		"/**/v1/models/*:predict", "/**/v1/models/*:classify", "/**/v1/models/*:regress", "/**/v1/models/*:explain",
		"/**/v1/models/*/versions/*:predict", "/**/v1/models/*/versions/*:classify", "/**/v1/models/*/versions/*:regress",
		"/**/v2/models/*/infer", "/**/v2/models/*/versions/*/infer", "/**/v2/models/*/generate",
		"/**/v1/chat/completions", "/**/v1/completions", "/**/v1/embeddings",
	}
}

// What a share is drawn by.
const (
	ByRequest = "request"
	ByKey     = "key" // a user's requests are all mirrored or none of them
)

// Config is the mirror of one route. The zero value plus SetDefaults is
// complete.
type Config struct {
	Share Share  `yaml:"share,omitempty" json:"share"`
	By    string `yaml:"by,omitempty" json:"by"`
	// Upstreams take the copies, http://host:port; none: the candidate's.
	Upstreams []string `yaml:"upstreams,omitempty" json:"upstreams,omitempty"`
	Methods   []string `yaml:"methods,omitempty" json:"methods"`
	// Paths bound every method but GET and HEAD. * is one segment or a part of
	// one, ** any number of segments.
	Paths  []string `yaml:"paths,omitempty" json:"paths"`
	Limits Limits   `yaml:"limits,omitempty" json:"limits"`
	// StripCredentials takes Authorization, Cookie and Proxy-Authorization off
	// the copies.
	StripCredentials bool    `yaml:"strip_credentials,omitempty" json:"strip_credentials"`
	Compare          Compare `yaml:"compare,omitempty" json:"compare"`
	// Noise sends a share to the baseline a second time; nil: none.
	Noise *Noise `yaml:"noise,omitempty" json:"noise,omitempty"`
	// Redact names the JSON paths whose values no sample of a pair shows.
	Redact  []string `yaml:"redact,omitempty" json:"redact,omitempty"`
	Samples int      `yaml:"samples,omitempty" json:"samples"`
}

// Limits bound what a mirror may use. Beyond them copies are dropped.
type Limits struct {
	Queue       int           `yaml:"queue,omitempty" json:"queue"`
	Bytes       Size          `yaml:"bytes,omitempty" json:"bytes"`
	Concurrency int           `yaml:"concurrency,omitempty" json:"concurrency"`
	Rate        int           `yaml:"rate,omitempty" json:"rate,omitempty"` // copies per second; 0: as they come
	Timeout     time.Duration `yaml:"timeout,omitempty" json:"timeout"`
	MaxBody     Size          `yaml:"max_body,omitempty" json:"max_body"`
	MaxAnswer   Size          `yaml:"max_answer,omitempty" json:"max_answer"`
	Read        Size          `yaml:"read,omitempty" json:"read"` // bytes per second
}

// Compare says when two answers are the same.
type Compare struct {
	Ignore []string `yaml:"ignore,omitempty" json:"ignore,omitempty"` // JSON paths, with all below them
	// Two numbers agree when they are no further apart than absolute, or than
	// relative times the larger of them. nil: the defaults.
	Absolute *float64 `yaml:"absolute,omitempty" json:"absolute"`
	Relative *float64 `yaml:"relative,omitempty" json:"relative"`
	// Unordered are lists whose elements are found by a member of theirs; by
	// their whole value where the member's name is empty.
	Unordered   map[string]string `yaml:"unordered,omitempty" json:"unordered,omitempty"`
	Predictions string            `yaml:"predictions,omitempty" json:"predictions,omitempty"` // a gjson path to a class, or a list of them
	Score       string            `yaml:"score,omitempty" json:"score,omitempty"`             // a gjson path to a number, or a list of them
	Range       *kpi.Scale        `yaml:"range,omitempty" json:"range,omitempty"`             // of the scores; nil: 0 to 1
}

// Noise is how the baseline is compared with itself. The requests it names are
// sent to the baseline twice: name only what may be.
type Noise struct {
	Share   Share    `yaml:"share,omitempty" json:"share"` // of the copies
	Methods []string `yaml:"methods" json:"methods"`
	Paths   []string `yaml:"paths" json:"paths"`
	// Learn is the number of such pairs from which on the noise is known.
	// Until then pairs of these requests are evidence for nothing.
	Learn int `yaml:"learn,omitempty" json:"learn"`
}

func fill[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// SetDefaults fills in what is not set. It never changes what the slices and
// pointers of another copy of c refer to.
func (c *Config) SetDefaults() {
	fill(&c.Share, DefaultShare)
	fill(&c.By, ByRequest)
	if len(c.Methods) == 0 {
		c.Methods = DefaultMethods()
	}
	if len(c.Paths) == 0 {
		c.Paths = DefaultPaths()
	}
	fill(&c.Limits.Queue, DefaultQueue)
	fill(&c.Limits.Bytes, DefaultBytes)
	fill(&c.Limits.Concurrency, DefaultConcurrency)
	fill(&c.Limits.Timeout, DefaultTimeout)
	fill(&c.Limits.MaxBody, min(DefaultMaxBody, c.Limits.Bytes))
	fill(&c.Limits.MaxAnswer, min(DefaultMaxAnswer, c.Limits.Bytes/4))
	fill(&c.Limits.Read, DefaultRead)
	c.Compare.setDefaults()
	if c.Noise != nil {
		noise := *c.Noise
		fill(&noise.Share, DefaultNoiseShare)
		fill(&noise.Learn, DefaultLearn)
		c.Noise = &noise
	}
	fill(&c.Samples, DefaultSamples)
}

func (c *Compare) setDefaults() {
	if c.Absolute == nil {
		c.Absolute = new(DefaultAbsolute)
	}
	if c.Relative == nil {
		c.Relative = new(DefaultRelative)
	}
	if c.Range == nil {
		c.Range = new(kpi.Unit())
	}
}

// safeMethod says whether a method is mirrored on every path.
func safeMethod(method string) bool { return slices.Contains([]string{"GET", "HEAD"}, method) }
