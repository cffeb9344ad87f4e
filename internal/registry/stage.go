package registry

import "strings"

// The four stages of MLflow; no others can be made.
const (
	StageNone       = "None"
	StageStaging    = "Staging"
	StageProduction = "Production"
	StageArchived   = "Archived"
)

// Stages lists the four, in the order of a version's life.
func Stages() []string {
	return []string{StageNone, StageStaging, StageProduction, StageArchived}
}

// ParseStage takes a stage in any case and returns its canonical name.
func ParseStage(name string) (string, error) {
	for _, s := range Stages() {
		if strings.EqualFold(s, strings.TrimSpace(name)) {
			return s, nil
		}
	}
	return "", &Error{
		Kind: UnknownStage, Op: "transition stage", Permanent: true,
		Message: "unknown stage " + quote(name) + ": the stages are " + strings.Join(Stages(), ", "),
		Hint:    "the four stages are fixed in MLflow, none can be added; upper and lower case do not matter",
	}
}
