// Package bytesize reads and writes numbers of bytes as people do. It knows
// nothing of what they bound.
package bytesize

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes: "512KiB", "256MB", "1GiB" or plain "4096".
type Size int64

// Units of a Size.
const (
	KB  Size = 1000
	MB  Size = 1000 * KB
	GB  Size = 1000 * MB
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30

	most = 1 << 50
)

// Wanted says in words what a Size takes.
const Wanted = "a size such as 512KiB or 256MB"

var units = []struct {
	name string
	size Size
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"GB", GB}, {"MB", MB}, {"KB", KB}}

// String writes the size so that UnmarshalText reads it back.
func (s Size) String() string {
	for _, u := range units {
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
	for _, u := range units {
		if rest, found := strings.CutSuffix(number, u.name); found {
			number, unit = rest, u.size
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || Size(n) > most/unit {
		return fmt.Errorf("%q: wanted %s", text, Wanted)
	}
	*s = Size(n) * unit
	return nil
}
