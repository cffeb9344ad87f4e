package shadow

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Share is a part of the requests in 1/10000, that is 0.01 %. In text it is a
// percentage ("12.5%"), in JSON a ratio from 0 to 1.
type Share uint16

// Full is every request.
const Full Share = 10000

const shareWanted = "a share from 0.01% to 100% with at most two decimals, such as 10%"

// UnmarshalText reads a percentage. Finer than 0.01 % is refused, not rounded.
func (s *Share) UnmarshalText(text []byte) error {
	number, found := strings.CutSuffix(string(text), "%")
	whole, part, dotted := strings.Cut(number, ".")
	if !found || !digits(whole, 3) || (dotted && !digits(part, 2)) {
		return fmt.Errorf("%q: wanted %s", text, shareWanted)
	}
	n, err := strconv.Atoi(whole + part + "00"[len(part):])
	if err != nil || n > int(Full) {
		return fmt.Errorf("%q: wanted %s", text, shareWanted)
	}
	*s = Share(n)
	return nil
}

func digits(s string, longest int) bool {
	return s != "" && len(s) <= longest && strings.Trim(s, "0123456789") == ""
}

// String returns the percentage in its shortest form.
func (s Share) String() string { return strconv.FormatFloat(float64(s)/100, 'f', -1, 64) + "%" }

// MarshalText implements encoding.TextMarshaler.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON writes the ratio.
func (s Share) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(s)/float64(Full), 'f', -1, 64), nil
}

// UnmarshalJSON reads the ratio.
func (s *Share) UnmarshalJSON(data []byte) error {
	ratio, err := strconv.ParseFloat(string(data), 64)
	scaled := math.Round(ratio * float64(Full))
	if err != nil || !(scaled >= 0 && scaled <= float64(Full)) {
		return errors.New("share " + string(data) + ": wanted a number from 0 to 1")
	}
	*s = Share(scaled)
	return nil
}

// holds says whether a uniformly drawn number is in the share.
func (s Share) holds(random uint64) bool {
	slot, _ := bits.Mul64(random, uint64(Full))
	return slot < uint64(s)
}

// remix makes another uniform number of a key's hash, so that the mirrored
// users are not those whom the split gave to the candidate, which are the ones
// with the lowest hashes. It is the finalizer of SplitMix64.
func remix(hash uint64) uint64 {
	hash ^= 0x9E3779B97F4A7C15
	hash = (hash ^ hash>>30) * 0xBF58476D1CE4E5B9
	hash = (hash ^ hash>>27) * 0x94D049BB133111EB
	return hash ^ hash>>31
}
