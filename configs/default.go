package configs

import _ "embed"

//go:embed default.yaml
var embedded []byte

// EmbeddedName stands for the embedded policy in errors.
const EmbeddedName = "default.yaml (embedded)"

// Embedded is the text of the policy that `headgate serve` uses without a
// file: a local registry and two sample backends.
func Embedded() []byte { return append([]byte(nil), embedded...) }

// Default is the embedded policy, loaded.
func Default() (*Policy, error) { return Parse(EmbeddedName, embedded) }
