package proxy

import "fmt"

// Missing says what happens to a request without a key.
type Missing uint8

// What a route does with a request that brings no key.
const (
	MissingDraw     Missing = iota // an arm is drawn for this request alone
	MissingBaseline                // it goes to the baseline and is no evidence
	MissingCookie                  // it gets a key in a cookie
)

// String returns the word used in the policy.
func (m Missing) String() string {
	switch m {
	case MissingDraw:
		return "draw"
	case MissingBaseline:
		return "baseline"
	case MissingCookie:
		return "cookie"
	default:
		return fmt.Sprintf("missing(%d)", uint8(m))
	}
}

// MarshalText implements encoding.TextMarshaler.
func (m Missing) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Missing) UnmarshalText(text []byte) error {
	for _, known := range []Missing{MissingDraw, MissingBaseline, MissingCookie} {
		if string(text) == known.String() {
			*m = known
			return nil
		}
	}
	return fmt.Errorf("%q: wanted draw, baseline or cookie", text)
}
