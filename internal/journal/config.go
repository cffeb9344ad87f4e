package journal

import "time"

// Defaults of Config.
const (
	DefaultDir           = "./data"
	DefaultEvidenceBytes = 256 << 20        // bytes of evidence that are kept
	DefaultLockWait      = 10 * time.Second // how long Open waits for another process to leave
	minEvidenceBytes     = 1 << 20
)

// Config says where the journal lives.
type Config struct {
	// Dir is the journal's own directory; it is made with mode 0700.
	Dir string `yaml:"dir"`
	// EvidenceBytes bounds the evidence log, in bytes on disk. The oldest
	// evidence goes first. States and records are not bounded by it.
	EvidenceBytes int64 `yaml:"evidence_bytes"`
	// LockWait is how long Open waits while another process holds Dir.
	LockWait time.Duration `yaml:"lock_wait"`
}

// SetDefaults fills in what was left empty.
func (c *Config) SetDefaults() {
	if c.Dir == "" {
		c.Dir = DefaultDir
	}
	if c.EvidenceBytes == 0 {
		c.EvidenceBytes = DefaultEvidenceBytes
	}
	if c.LockWait == 0 {
		c.LockWait = DefaultLockWait
	}
}

// Validate reports every value that cannot be used.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	if c.Dir == "" {
		report("dir", c.Dir, "a directory")
	}
	if c.EvidenceBytes < minEvidenceBytes {
		report("evidence_bytes", c.EvidenceBytes, "at least 1048576 bytes (1 MiB)")
	}
	if c.LockWait < 0 {
		report("lock_wait", c.LockWait, "a duration of 0s or more")
	}
}
