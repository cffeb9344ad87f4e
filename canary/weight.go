package canary

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Weight is the candidate's share of the traffic in 1/10000, that is 0.01 %.
// In text it is a percentage ("12.5%"), in JSON a ratio from 0 to 1.
type Weight uint16

// Full is the weight that sends everyone to the candidate.
const Full Weight = 10000

const weightWanted = "a percentage from 0% to 100% with at most two decimals, such as 10% or 0.01%"

// ParseWeight reads a percentage such as "10%", "0.01%" or "12.5%". Finer
// than 0.01 % is refused, not rounded: nobody would get the share that is
// written.
func ParseWeight(text string) (Weight, error) {
	number, found := strings.CutSuffix(text, "%")
	whole, part, dotted := strings.Cut(number, ".")
	if !found || !digits(whole, 3) || (dotted && !digits(part, 2)) {
		return 0, fmt.Errorf("weight %q: wanted %s", text, weightWanted)
	}
	w, err := strconv.Atoi(whole + part + "00"[len(part):])
	if err != nil || w > int(Full) {
		return 0, fmt.Errorf("weight %q: wanted %s", text, weightWanted)
	}
	return Weight(w), nil
}

func digits(s string, longest int) bool {
	if s == "" || len(s) > longest {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Ratio returns the share from 0 to 1.
func (w Weight) Ratio() float64 { return float64(w) / float64(Full) }

// String returns the percentage in its shortest form.
func (w Weight) String() string {
	return strconv.FormatFloat(float64(w)/100, 'f', -1, 64) + "%"
}

// MarshalText implements encoding.TextMarshaler.
func (w Weight) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *Weight) UnmarshalText(text []byte) error {
	parsed, err := ParseWeight(string(text))
	if err != nil {
		return err
	}
	*w = parsed
	return nil
}

// MarshalJSON writes the ratio.
func (w Weight) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, w.Ratio(), 'f', -1, 64), nil
}

// UnmarshalJSON reads the ratio.
func (w *Weight) UnmarshalJSON(data []byte) error {
	ratio, err := strconv.ParseFloat(string(data), 64)
	if err != nil {
		return fmt.Errorf("weight %s: wanted a number from 0 to 1", data)
	}
	scaled := ratio * float64(Full)
	rounded := math.Round(scaled)
	if !(rounded >= 0 && rounded <= float64(Full)) || math.Abs(scaled-rounded) > 1e-6 {
		return errors.New("weight " + string(data) + ": wanted a number from 0 to 1 in steps of 0.0001")
	}
	*w = Weight(rounded)
	return nil
}
