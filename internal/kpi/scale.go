package kpi

import (
	"fmt"
	"math"
)

// ScaleBins is the number of bins of every linear scale.
const ScaleBins = 256

// Scale divides the range of a score or an input evenly into ScaleBins bins.
// What lies beyond the range falls into the first or the last of them.
type Scale struct {
	Min float64 `yaml:"min" json:"min"`
	Max float64 `yaml:"max" json:"max"`
}

// Unit is the scale of probabilities.
func Unit() Scale { return Scale{Min: 0, Max: 1} }

// TokenScale is the scale of tokens per second.
func TokenScale() Scale { return Scale{Min: 0, Max: 512} }

// Validate reports a range that is none.
func (s Scale) Validate(report func(path string, value any, wanted string)) {
	if math.IsNaN(s.Min) || math.IsInf(s.Min, 0) || math.IsInf(s.Max-s.Min, 0) || !(s.Min < s.Max) {
		report("", fmt.Sprintf("%v to %v", s.Min, s.Max), "a range with min below max")
	}
}

// Bin is the bin of v; false for NaN, which no bin holds.
func (s Scale) Bin(v float64) (int, bool) {
	if math.IsNaN(v) {
		return 0, false
	}
	at := (v - s.Min) / (s.Max - s.Min) * ScaleBins
	return int(min(max(at, 0), ScaleBins-1)), true
}

// Low is the lower edge of a bin.
func (s Scale) Low(bin int) float64 { return s.Min + (s.Max-s.Min)*float64(bin)/ScaleBins }
