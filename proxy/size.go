package proxy

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes: "512KiB", "10MiB", "1GiB" or plain "4096".
type Size int64

// Units of a Size.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

var sizeUnits = []struct {
	name string
	size Size
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}}

// String writes the largest unit that divides s.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), Size(1)
	for _, u := range sizeUnits {
		if rest, found := strings.CutSuffix(number, u.name); found {
			number, unit = rest, u.size
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || Size(n) > (1<<40)/unit {
		return fmt.Errorf("%q: wanted a size such as 512KiB or 10MiB", text)
	}
	*s = Size(n) * unit
	return nil
}
