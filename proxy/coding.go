package proxy

// coding is how a body is packed.
type coding uint8

const (
	codingNone coding = iota
	codingGzip
	codingOther
)

// codingOf reads a Content-Encoding.
func codingOf(value []byte) coding {
	switch {
	case len(value) == 0 || equalFold(value, "identity"):
		return codingNone
	case equalFold(value, "gzip") || equalFold(value, "x-gzip"):
		return codingGzip
	default:
		return codingOther
	}
}
