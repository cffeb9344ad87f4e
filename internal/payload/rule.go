package payload

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// Rule is a sentence about a place in the answer that makes it a failure, such
// as "predictions missing or not a number".
type Rule struct {
	Path  string
	Holds Condition
}

// Condition is a set of what may be wrong at a place; one is enough.
type Condition uint8

// What may be wrong.
const (
	IsMissing    Condition = 1 << iota // nothing there, null, an empty text or list
	IsNotANumber                       // nothing there, or one value of it is not a finite number
	IsNotPerRow                        // not one value for each row of the request
	IsPresent                          // something there, whatever the answer's status
)

var conditionWords = []struct {
	condition Condition
	words     string
}{
	{IsMissing, "missing"}, {IsNotANumber, "not a number"}, {IsNotPerRow, "not one per row"}, {IsPresent, "present"},
}

// WantedRule says in words what a Rule takes.
const WantedRule = `a path and what makes the answer a failure: missing, not a number, not one per row or present, such as "predictions missing or not a number"`

// String is the rule as it is written.
func (r Rule) String() string {
	var words []string
	for _, c := range conditionWords {
		if r.Holds&c.condition != 0 {
			words = append(words, c.words)
		}
	}
	return r.Path + " " + strings.Join(words, " or ")
}

// MarshalText implements encoding.TextMarshaler.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rule) UnmarshalText(t []byte) error {
	s := strings.Join(strings.Fields(string(t)), " ")
	end := endOfPath(s)
	holds, ok := conditions(strings.TrimPrefix(s[end:], " "))
	if !ok || !isPath(s[:end]) {
		return fmt.Errorf("%q: wanted %s", t, WantedRule)
	}
	*r = Rule{Path: s[:end], Holds: holds}
	return nil
}

// endOfPath is the first blank that is not inside of a query.
func endOfPath(s string) int {
	open, quoted := 0, false
	for i, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			open++
		case c == ')':
			open--
		case c == ' ' && open <= 0:
			return i
		}
	}
	return len(s)
}

func conditions(s string) (all Condition, ok bool) {
	for word := range strings.SplitSeq(s, " or ") {
		found := false
		for _, c := range conditionWords {
			if word == c.words {
				all, found = all|c.condition, true
			}
		}
		if !found {
			return 0, false
		}
	}
	return all, true
}

// breaks says whether an answer is a failure by the rule. rows of the request
// are below 0 when they are not known.
func (r Rule) breaks(answer gjson.Result, ok bool, rows int) bool {
	v := answer.Get(r.Path)
	if r.Holds&IsPresent != 0 && v.Exists() && v.Type != gjson.Null {
		return true
	}
	if !ok {
		return false // what a refusal lacks says nothing about the model
	}
	empty := !v.Exists() || v.Type == gjson.Null || v.Type == gjson.String && v.Str == "" || v.IsArray() && !v.Get("0").Exists()
	switch {
	case r.Holds&(IsMissing|IsNotANumber) != 0 && empty:
		return true
	case r.Holds&IsNotANumber != 0 && !numeric(v):
		return true
	case r.Holds&IsNotPerRow != 0 && rows >= 0:
		return count(v) != rows
	}
	return false
}

// numeric says whether everything in v is a number or a boolean.
func numeric(v gjson.Result) bool {
	if isTensor(v) {
		v = v.Get("data")
	}
	if !v.IsArray() && !v.IsObject() {
		k := cellOf(v).kind
		return k == number || k == boolean
	}
	all := true
	v.ForEach(func(_, item gjson.Result) bool {
		all = numeric(item) // no deeper than maxDepth
		return all
	})
	return all
}

// count is the number of rows in v.
func count(v gjson.Result) int {
	g, ok := gridOf(v, false)
	if !ok {
		return 0
	}
	return g.rows
}
