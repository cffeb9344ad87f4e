package canary

import "fmt"

// Arm is one of the two answering sides of a route.
type Arm uint8

// The arms. The zero value is the safe one.
const (
	Baseline  Arm = iota // the version that users are safely on
	Candidate            // the version on trial
)

// String returns "baseline" or "candidate".
func (a Arm) String() string {
	switch a {
	case Baseline:
		return "baseline"
	case Candidate:
		return "candidate"
	default:
		return fmt.Sprintf("arm(%d)", uint8(a))
	}
}

// ParseArm reads "baseline" or "candidate", nothing else.
func ParseArm(text []byte) (Arm, error) {
	switch string(text) {
	case "baseline":
		return Baseline, nil
	case "candidate":
		return Candidate, nil
	default:
		return Baseline, fmt.Errorf("arm %q: wanted baseline or candidate", text)
	}
}

// MarshalText implements encoding.TextMarshaler.
func (a Arm) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Arm) UnmarshalText(text []byte) error {
	arm, err := ParseArm(text)
	if err != nil {
		return err
	}
	*a = arm
	return nil
}
