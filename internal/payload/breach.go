package payload

import "math"

// Breach is a rule of a data contract that a request breaks.
type Breach uint8

// Breaches.
const (
	BreachUnreadable Breach = iota // the body holds no rows
	BreachCount                    // a row has another number of features
	BreachMissing                  // a row leaves a named column out
	BreachExtra                    // a row has a column that is not in the contract
	BreachType
	BreachRange
	BreachNull
	Breaches
)

var breachNames = [Breaches]string{"unreadable", "count", "missing", "extra", "type", "range", "null"}

// String returns the value of the label rule.
func (b Breach) String() string { return breachNames[b] }

// BreachSet holds a bit for each Breach.
type BreachSet uint8

// Has says whether the rule is broken.
func (s BreachSet) Has(b Breach) bool { return s&(1<<b) != 0 }

func (s *BreachSet) add(b Breach) { *s |= 1 << b }

// check holds rows against the contract. Only what was read is looked at.
func (c *Contract) check(g *grid) (broken BreachSet) {
	if g.read() == 0 {
		broken.add(BreachUnreadable)
		return broken
	}
	if g.names != nil {
		return c.checkNamed(g)
	}
	for i := range g.read() {
		row := g.row(i)
		if len(row) < len(c.Columns) || len(row) > len(c.Columns) && c.Extra == ExtraRefuse {
			broken.add(BreachCount)
			continue // which value is which is anybody's guess
		}
		for j := range c.Columns {
			c.Columns[j].check(row[j], &broken)
		}
	}
	return broken
}

func (c *Contract) checkNamed(g *grid) (broken BreachSet) {
	places := make([]int, len(c.Columns))
	known := make(map[int]bool, len(c.Columns))
	for j, column := range c.Columns {
		places[j] = -1
		if place, ok := g.places[column.Name]; ok {
			places[j], known[place] = place, true
		}
	}
	for i := range g.read() {
		row := g.row(i)
		for j := range c.Columns {
			c.Columns[j].check(at(row, places[j]), &broken)
		}
		for j := range row {
			if c.Extra == ExtraRefuse && row[j].kind != absent && !known[j] {
				broken.add(BreachExtra)
			}
		}
	}
	if g.cut && c.Extra == ExtraRefuse {
		broken.add(BreachExtra)
	}
	return broken
}

func (c *Column) check(v cell, broken *BreachSet) {
	switch {
	case v.kind == absent && !c.Optional:
		broken.add(BreachMissing)
	case v.kind == null && !c.Nullable:
		broken.add(BreachNull)
	case v.kind == absent || v.kind == null:
	case !c.Type.takes(v):
		broken.add(BreachType)
	case c.Min != nil && v.value < *c.Min, c.Max != nil && v.value > *c.Max:
		broken.add(BreachRange)
	}
}

func (t Type) takes(v cell) bool {
	switch t {
	case Integer:
		return v.kind == number && v.value == math.Trunc(v.value)
	case Boolean:
		return v.kind == boolean || v.kind == number && (v.value == 0 || v.value == 1)
	case Text:
		return v.kind == text
	case Number, types:
	}
	return v.kind == number
}
