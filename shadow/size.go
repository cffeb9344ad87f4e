package shadow

import "github.com/headgate/headgate/internal/bytesize"

// Size is a number of bytes.
type Size = bytesize.Size

// Units of a Size.
const (
	KiB = bytesize.KiB
	MiB = bytesize.MiB
	GiB = bytesize.GiB
)
