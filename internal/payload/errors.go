package payload

import (
	"fmt"
	"strconv"
	"strings"
)

// Errors says which answers are failures, besides those with a status from 500
// on and those that did not come.
type Errors struct {
	Statuses []Statuses `yaml:"statuses,omitempty"`
	Body     []Rule     `yaml:"body,omitempty"`
}

// Validate reports what is wrong, each with its path, the value and what was
// wanted.
func (e Errors) Validate(report func(path string, value any, wanted string)) {
	if len(e.Statuses) == 0 && len(e.Body) == 0 {
		report("", nil, "statuses, such as [429], or body, such as [predictions missing or not a number]")
	}
	if len(e.Body) > maxRules {
		report("body", len(e.Body), fmt.Sprintf("at most %d rules", maxRules))
	}
	for i, s := range e.Statuses {
		if s.From < 200 || s.To > 599 || s.From > s.To {
			report(fmt.Sprintf("statuses[%d]", i), s, WantedStatuses)
		}
	}
	for i, r := range e.Body {
		if !isPath(r.Path) || r.Holds == 0 {
			report(fmt.Sprintf("body[%d]", i), r, WantedRule)
		}
	}
}

// maxRules bounds what is looked for in an answer.
const maxRules = 16

// Status says whether an answer with the status is a failure. It is called on
// the path of requests.
func (e *Errors) Status(status int) bool {
	if e == nil {
		return false
	}
	for _, s := range e.Statuses {
		if status >= s.From && status <= s.To {
			return true
		}
	}
	return false
}

// Statuses is a status, or a range of them with both ends.
type Statuses struct{ From, To int }

// WantedStatuses says in words what a Statuses takes.
const WantedStatuses = "a status such as 429 or a range such as 400-499, from 200 to 599"

// String returns 429 or 400-499.
func (s Statuses) String() string {
	if s.From == s.To {
		return strconv.Itoa(s.From)
	}
	return fmt.Sprintf("%d-%d", s.From, s.To)
}

// MarshalText implements encoding.TextMarshaler.
func (s Statuses) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Statuses) UnmarshalText(t []byte) error {
	first, last, ranged := strings.Cut(string(t), "-")
	if !ranged {
		last = first
	}
	from, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 10)
	to, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 10)
	if err1 != nil || err2 != nil || from < 200 || to > 599 || from > to {
		return fmt.Errorf("%q: wanted %s", t, WantedStatuses)
	}
	*s = Statuses{int(from), int(to)}
	return nil
}
