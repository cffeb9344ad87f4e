package payload

import (
	"bytes"
	"compress/gzip"
	"io"
)

// Unpacker unpacks bodies with gzip into a buffer of its own. Not for several
// goroutines.
type Unpacker struct {
	source bytes.Reader
	gzip   gzip.Reader
	limit  io.LimitedReader
	out    bytes.Buffer
}

// Unpack returns at most most bytes, valid until the next call, or the trouble.
func (u *Unpacker) Unpack(packed []byte, most int) ([]byte, Trouble) {
	u.source.Reset(packed)
	if err := u.gzip.Reset(&u.source); err != nil {
		return nil, Coding
	}
	u.out.Reset()
	u.limit = io.LimitedReader{R: &u.gzip, N: int64(most) + 1}
	if _, err := u.out.ReadFrom(&u.limit); err != nil {
		return nil, Coding
	}
	if u.out.Len() > most {
		return nil, TooLarge
	}
	return u.out.Bytes(), Fine
}
