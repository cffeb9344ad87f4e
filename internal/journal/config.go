package journal

import "time"

// Defaults of Config.
const (
	DefaultDir           = "./data"
	DefaultEvidenceBytes = 256 << 20        // bytes of evidence that are kept
	DefaultKeepEvidence  = 256 * MB         // of archives of what has ended
	DefaultLockWait      = 10 * time.Second // how long Open waits for another process to leave
	minEvidenceBytes     = 1 << 20
	minKeepEvidence      = 1 * MB
)

// Config says where the journal lives.
type Config struct {
	// Dir is the journal's own directory; it is made with mode 0700.
	Dir string `yaml:"dir"`
	// EvidenceBytes bounds the evidence log, in bytes on disk. The oldest
	// evidence goes first. States and records are not bounded by it.
	EvidenceBytes int64 `yaml:"evidence_bytes"`
	// KeepEvidence bounds the archives of the rollouts that have ended; the
	// oldest goes first, whole.
	KeepEvidence Size `yaml:"keep_evidence"`
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
	if c.KeepEvidence == 0 {
		c.KeepEvidence = DefaultKeepEvidence
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
	if c.KeepEvidence < minKeepEvidence {
		report("keep_evidence", c.KeepEvidence, "a size of 1MB or more, such as 256MB")
	}
	if c.LockWait < 0 {
		report("lock_wait", c.LockWait, "a duration of 0s or more")
	}
}
