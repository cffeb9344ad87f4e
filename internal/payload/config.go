package payload

import (
	"strings"

	"github.com/headgate/headgate/internal/kpi"
)

// Config says where in a route's payloads things stand. Paths are gjson's.
type Config struct {
	Format      Format `yaml:"format,omitempty"`
	Features    string `yaml:"features,omitempty"`    // of the request; "": where the format has them
	Predictions string `yaml:"predictions,omitempty"` // of the answer; "": where the format has them
	// Scores of the positive class, of the answer; "": where the format has
	// them, else the predictions are the scores.
	Scores string `yaml:"scores,omitempty"`
	// Group of the user, of the request: one for all rows or one for each; "":
	// none.
	Group string `yaml:"group,omitempty"`
	// Contract is what requests are held against; nil: nothing.
	Contract *Contract `yaml:"contract,omitempty"`
}

// maxPath is the longest path, in bytes.
const maxPath = 256

const wantedPath = "a gjson path such as predictions or outputs.0.data"

// Validate reports what is wrong, each with its path, the value and what was
// wanted.
func (c Config) Validate(report func(path string, value any, wanted string)) {
	if c.Format >= formats {
		report("format", c.Format, WantedFormat)
	}
	for _, p := range []struct{ at, path string }{
		{"features", c.Features}, {"predictions", c.Predictions}, {"scores", c.Scores}, {"group", c.Group},
	} {
		if p.path != "" && !isPath(p.path) {
			report(p.at, p.path, wantedPath)
		}
	}
	if c.Contract == nil {
		return
	}
	if c.Format == OpenAI && c.Features == "" {
		report("contract", nil, "no contract, or the path of the features: this format has none")
	}
	c.Contract.Validate(func(path string, value any, wanted string) {
		report(strings.TrimSuffix("contract."+path, "."), value, wanted)
	})
}

func isPath(p string) bool {
	return len(p) <= maxPath && strings.TrimSpace(p) == p && p != "" && !strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// Asks says whether the features in requests have to be read for what a model
// counts.
func (c Config) Asks(m kpi.Config) bool {
	return len(m.Inputs) > 0 || c.Group != "" || c.Contract != nil
}
