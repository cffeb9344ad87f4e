package kpi

import "math"

// Outcome is what became known later about a request.
type Outcome struct {
	ID    uint64 // RequestKey of its X-Request-Id
	Kind  string // Click, Conversion, Label or Value
	Value float64
	Name  string // of a value
	Index int    // of a label: which prediction of the answer, from 0

	shadow bool // of the shadow's prediction
}

// Result is what was done with an outcome.
type Result uint8

// Results of an outcome. All but OutcomePending are final.
const (
	OutcomeAccepted  Result = iota // counted, or will be when its window closes
	OutcomeDuplicate               // the same was accepted before
	OutcomeConflict                // another value was accepted before, and stays
	OutcomeLate                    // its window has closed
	OutcomePending                 // its request is not known yet; it may still be
	OutcomeUnknown                 // no counted request has this id
	OutcomeUnjoined                // the policy joins no outcomes of this kind
	OutcomeNoRow                   // the answer had no such prediction, or it was not kept
	OutcomeTooMany                 // too many names of values
	results
)

var resultNames = [results]string{"accepted", "duplicate", "conflict", "late", "pending", "unknown", "unjoined", "no_row", "too_many"}

func (r Result) String() string { return resultNames[r] }

// kind is the index of a kind of outcome.
type kind uint8

const (
	kindClick kind = iota
	kindConversion
	kindLabel
	kindValue
	kinds
)

var kindNames = [kinds]string{Click, Conversion, Label, Value}

func kindOf(name string) (kind, bool) {
	for i, known := range kindNames {
		if known == name {
			return kind(i), true
		}
	}
	return 0, false
}

// take joins one outcome. hold: when its request is not known it waits for it.
func (l *ledger) take(o Outcome, hold bool) Result {
	k, ok := kindOf(o.Kind)
	if !ok {
		return OutcomeUnjoined
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.join(k, o)
	if r == OutcomeUnknown && hold {
		l.early.push(o, l.clock(), l.expired)
		return OutcomePending
	}
	if r != OutcomeUnknown {
		l.results[k][r]++
	}
	return r
}

// join finds the request and applies the outcome; the lock is held.
func (l *ledger) join(k kind, o Outcome) Result {
	if l.windows[k] == 0 {
		return OutcomeUnjoined
	}
	at, ok := l.index.find(l.ring, o.ID)
	if !ok {
		return OutcomeUnknown
	}
	e := &l.ring[at]
	if l.clock()-e.at >= l.windows[k] {
		return OutcomeLate
	}
	switch k {
	case kindClick:
		return e.mark(o.Value, didClick, clicked)
	case kindConversion:
		return e.mark(o.Value, didConvert, converted)
	case kindLabel:
		r := l.label(e, o)
		if r == OutcomeAccepted {
			l.labelShadow(o)
		}
		return r
	default:
		return l.value(at, o)
	}
}

// mark keeps a yes or no until the window closes.
func (e *entry) mark(v float64, came, yes flags) Result {
	switch {
	case e.flags&came == 0:
		e.flags |= came
		if v != 0 {
			e.flags |= yes
		}
		return OutcomeAccepted
	case (e.flags&yes != 0) == (v != 0):
		return OutcomeDuplicate
	}
	return OutcomeConflict
}

// label counts what became true of one prediction.
func (l *ledger) label(e *entry, o Outcome) Result {
	if e.n == 0 && o.Index == 0 { // nothing was read of its payload
		if e.flags&labelled != 0 {
			return OutcomeDuplicate
		}
		e.flags |= labelled
		l.unscored++
		return OutcomeAccepted
	}
	if o.Index < 0 || o.Index >= int(e.n) {
		return OutcomeNoRow
	}
	row := l.rows.at(l.rows.whole(e.rows) + uint64(o.Index))
	if seen := row.label; seen != 0 {
		return again(seen, o.Value)
	}
	row.label = trace(o.Value)
	e.flags |= labelled
	if row.about&scored == 0 {
		l.unscored++
		return OutcomeAccepted
	}
	l.score(l.tallyOf(e.epoch), e.arm(), *row, o.Value)
	return OutcomeAccepted
}

// score holds a prediction against its label.
func (l *ledger) score(t *tally, arm int, row kept, label float64) {
	favourable := one(row.about&favourableRow != 0)
	switch label {
	case 1:
		t.count(arm, MeasurePositive, 1, favourable)
		t.bin(arm, MeasurePositive, int(row.bin))
		if g := row.about & groupMask; g > 0 {
			t.count(arm, l.opportunity[g-1], 1, favourable)
		}
	case 0:
		t.count(arm, MeasureNegative, 1, favourable)
		t.bin(arm, MeasureNegative, int(row.bin))
	}
	off := float64(row.score) - label
	t.value(arm, MeasureError, off)
	t.value(arm, MeasureSquareError, off*off)
}

// value counts a number by its name.
func (l *ledger) value(at int, o Outcome) Result {
	i, ok := l.valueName(o.Name)
	if !ok {
		return OutcomeTooMany
	}
	e, seen := &l.ring[at], &l.values[at*maxValues+i]
	if *seen != 0 {
		return again(*seen, o.Value)
	}
	*seen = trace(o.Value)
	e.flags |= valued
	l.tallyOf(e.epoch).value(e.arm(), MeasureValue+o.Name, o.Value)
	return OutcomeAccepted
}

// valueName gives a name its place.
func (l *ledger) valueName(name string) (int, bool) {
	for i, known := range l.valueNames {
		if known == name {
			return i, true
		}
	}
	if len(l.valueNames) == maxValues {
		return 0, false
	}
	l.valueNames = append(l.valueNames, name)
	return len(l.valueNames) - 1, true
}

// trace is 16 bits of a value, never 0, to tell a repetition from a
// contradiction; one contradiction in 65,000 passes for a repetition.
func trace(v float64) uint16 {
	return uint16(spread(math.Float64bits(v+0))>>48) | 1 // -0 is 0
}

func again(seen uint16, v float64) Result {
	if seen == trace(v) {
		return OutcomeDuplicate
	}
	return OutcomeConflict
}
