package journal

import "github.com/headgate/headgate/internal/bytesize"

// Size is a number of bytes.
type Size = bytesize.Size

// Units of a Size.
const (
	KB  = bytesize.KB
	MB  = bytesize.MB
	GB  = bytesize.GB
	KiB = bytesize.KiB
	MiB = bytesize.MiB
	GiB = bytesize.GiB
)
