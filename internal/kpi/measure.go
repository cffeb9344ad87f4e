package kpi

import "maps"

// Names of the measures. A name with a dot at its end is followed by a name of
// the policy's: a group, an input, a value.
const (
	MeasureInvalid     = "invalid_input"     // N requests held against the data contract, K broke it
	MeasureClick       = "click"             // N impressions whose window has closed, K clicked
	MeasureConversion  = "conversion"        // N impressions whose window has closed, K converted
	MeasureMissing     = "missing."          // + kind of outcome: N requests whose window has closed, K without one
	MeasureScore       = "score"             // Bins: scores, by Scale
	MeasurePositive    = "score_positive"    // N labelled 1, K of them favourable; Bins: their scores, by Scale
	MeasureNegative    = "score_negative"    // N labelled 0, K of them favourable; Bins: their scores, by Scale
	MeasureSquareError = "square_error"      // N labels, Sum of squared errors, Square of their squares
	MeasureError       = "error"             // N labels, Sum of score − label, Square of its squares
	MeasureGroup       = "group."            // + group: N predictions, K favourable
	MeasureOpportunity = "opportunity."      // + group: N labelled 1, K of them predicted favourable
	MeasureInput       = "input."            // + input: Bins by the input's Scale
	MeasureValue       = "value."            // + name: N values, Sum, Square
	MeasureFirstToken  = "first_token"       // Bins of the latency layout; N streams, K that brought none
	MeasureTokens      = "tokens_per_second" // Bins of TokenScale; N streams, K that brought none
	MeasureAgreement   = "agreement"         // N pairs of answers compared, K that agree
	MeasureShadow      = "shadow"            // N copies answered or given up, K failed; Bins of the latency layout
	MeasureDrawn       = "drawn"             // N users drawn for the arm for the first time in the step
	MeasureRepeat      = "repeat"            // N users' first outcomes in the present ten minutes, K failed
)

// Measure is what one arm brought to one KPI in a stratum, besides requests,
// failures and latencies. Which fields speak is said beside each name.
type Measure struct {
	N      uint64  `json:"n,omitempty"`      // looked at
	K      uint64  `json:"k,omitempty"`      // of these, with the property
	Bins   Bins    `json:"bins,omitempty"`   // ascending, sparse
	Sum    float64 `json:"sum,omitempty"`    // of values
	Square float64 `json:"square,omitempty"` // of the squares of values
	// Served is 1 + the step that served the requests when their outcome came in
	// a later one; 0 is the stratum's own step.
	Served int `json:"served,omitempty"`
}

// Measures of one arm, by name.
type Measures map[string]Measure

// add takes other in; the bins of both stay ascending.
func (m Measure) add(other Measure) Measure {
	m.N += other.N
	m.K += other.K
	m.Sum += other.Sum
	m.Square += other.Square
	m.Bins = m.Bins.merge(other.Bins)
	m.Served = other.Served
	return m
}

// Merge returns the measures of both; names of more and of m alike are added.
func (m Measures) Merge(more Measures) Measures {
	if len(m) == 0 {
		return more
	}
	out := maps.Clone(m)
	for name, measure := range more {
		out[name] = out[name].add(measure)
	}
	return out
}

// merge adds two ascending sparse histograms.
func (l Bins) merge(other Bins) Bins {
	if len(other) == 0 {
		return l
	}
	out := make(Bins, 0, len(l)+len(other))
	i, j := 0, 0
	for i < len(l) || j < len(other) {
		switch {
		case j == len(other) || i < len(l) && l[i].Index < other[j].Index:
			out = append(out, l[i])
			i++
		case i == len(l) || other[j].Index < l[i].Index:
			out = append(out, other[j])
			j++
		default:
			out = append(out, Bin{Index: l[i].Index, Count: l[i].Count + other[j].Count})
			i++
			j++
		}
	}
	return out
}
