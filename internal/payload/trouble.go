package payload

import "fmt"

// Trouble is why a body could not be read.
type Trouble uint8

// Troubles with a body.
const (
	Fine      Trouble = iota
	TooLarge          // above the route's limit, in bytes, as sent or unpacked
	Coding            // a content coding that is not read, or is broken
	Binary            // not text in UTF-8
	NotJSON           // empty, broken or not JSON
	NotFinite         // JSON but for bare NaN or Infinity
	Deep              // nested deeper than maxDepth
	Missing           // nothing where the path points, or another shape
	Lengths           // scores or groups that are not one for each prediction
	Troubles
)

// String returns the value of the label reason, after the side it was found on.
func (t Trouble) String() string {
	switch t {
	case Fine:
		return "fine"
	case TooLarge:
		return "too_large"
	case Coding:
		return "coding"
	case Binary:
		return "binary"
	case NotJSON:
		return "not_json"
	case NotFinite:
		return "not_finite"
	case Deep:
		return "deep"
	case Missing:
		return "missing"
	case Lengths:
		return "lengths"
	case Troubles:
	}
	return fmt.Sprintf("trouble(%d)", uint8(t))
}
