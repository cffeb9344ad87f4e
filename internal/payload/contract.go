package payload

import (
	"fmt"
	"math"
	"slices"
)

// Contract says what rows of features look like: those of live requests, and
// those a model is trained on.
type Contract struct {
	// File holds the rest, relative to the policy file.
	File string `yaml:"file,omitempty"`
	// Columns in the order of a row. Rows that name their values are held
	// against the names, others against the places.
	Columns []Column `yaml:"columns,omitempty"`
	// Extra says what becomes of columns that are not named here.
	Extra Extra `yaml:"extra,omitempty"`
}

// Column is one feature.
type Column struct {
	Name     string   `yaml:"name"`
	Type     Type     `yaml:"type,omitempty"`
	Min      *float64 `yaml:"min,omitempty"` // nil: no limit
	Max      *float64 `yaml:"max,omitempty"`
	Nullable bool     `yaml:"nullable,omitempty"` // null may stand there
	Optional bool     `yaml:"optional,omitempty"` // rows that name their values may leave it out
}

// Validate reports what is wrong, each with its path, the value and what was
// wanted.
func (c Contract) Validate(report func(path string, value any, wanted string)) {
	switch {
	case len(c.Columns) == 0:
		report("columns", nil, "at least one column, such as {name: tenure, type: number, min: 0}")
	case len(c.Columns) > maxColumns:
		report("columns", len(c.Columns), fmt.Sprintf("at most %d columns", maxColumns))
	}
	if c.Extra >= extras {
		report("extra", c.Extra, WantedExtra)
	}
	seen := map[string]int{}
	for i, column := range c.Columns {
		at := fmt.Sprintf("columns[%d]", i)
		if first, twice := seen[column.Name]; twice && column.Name != "" {
			report(at+".name", column.Name, fmt.Sprintf("a name of its own: columns[%d] has it", first))
		}
		seen[column.Name] = i
		column.validate(at, report)
	}
}

func (c Column) validate(at string, report func(path string, value any, wanted string)) {
	if c.Name == "" {
		report(at+".name", nil, "the column's name")
	}
	if c.Type >= types {
		report(at+".type", c.Type, WantedType)
	}
	ranged := c.Min != nil || c.Max != nil
	switch {
	case ranged && (c.Type == Text || c.Type == Boolean):
		report(at+".type", c.Type, "number or integer: only they have min and max")
	case !ranged:
	case badLimit(c.Min):
		report(at+".min", *c.Min, "a finite number")
	case badLimit(c.Max):
		report(at+".max", *c.Max, "a finite number")
	case c.Min != nil && c.Max != nil && *c.Min > *c.Max:
		report(at+".max", *c.Max, fmt.Sprintf("no less than min, %v", *c.Min))
	}
}

func badLimit(v *float64) bool { return v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) }

// Type is what the values of a column are.
type Type uint8

// Types of columns.
const (
	Number  Type = iota
	Integer      // a number without a fraction; 3.0 is one
	Boolean      // true, false, 0 or 1
	Text
	types
)

var typeNames = [types]string{"number", "integer", "boolean", "text"}

// WantedType says in words what a Type takes.
const WantedType = "number, integer, boolean or text"

// String returns the word used in the contract.
func (t Type) String() string {
	if t < types {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// MarshalText implements encoding.TextMarshaler.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Type) UnmarshalText(text []byte) error {
	i := slices.Index(typeNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q: wanted %s", text, WantedType)
	}
	*t = Type(i)
	return nil
}

// Extra says what becomes of columns that a contract does not name.
type Extra uint8

// What becomes of them.
const (
	ExtraRefuse Extra = iota // they break the contract
	ExtraAllow
	extras
)

var extraNames = [extras]string{"refuse", "allow"}

// WantedExtra says in words what an Extra takes.
const WantedExtra = "refuse or allow"

// String returns the word used in the contract.
func (e Extra) String() string {
	if e < extras {
		return extraNames[e]
	}
	return fmt.Sprintf("extra(%d)", uint8(e))
}

// MarshalText implements encoding.TextMarshaler.
func (e Extra) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Extra) UnmarshalText(text []byte) error {
	i := slices.Index(extraNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q: wanted %s", text, WantedExtra)
	}
	*e = Extra(i)
	return nil
}
