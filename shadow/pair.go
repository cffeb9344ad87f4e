package shadow

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"strconv"
	"strings"
)

// Why two answers that came cannot be held against each other.
const (
	uncut      = ""
	cutAnswer  = "cut"      // one of them is larger than max_answer
	strangeZip = "encoding" // one of them is in an encoding that is not read here
	tooComplex = "complex"  // one of them is too deep, or has too many values
)

// reading is one answer made ready to be compared.
type reading struct {
	status  int
	media   string // lower case, without parameters
	body    []byte
	problem string // why the body cannot be compared
}

// read decodes an answer's body, within max bytes.
func read(status int, contentType, encoding string, body []byte, cut bool, max int64) reading {
	r := reading{status: status, media: mediaOf(contentType), body: body}
	switch {
	case cut:
		r.problem, r.body = cutAnswer, nil
	case len(body) == 0:
	case strings.EqualFold(encoding, "gzip"):
		r.body, r.problem = gunzip(body, max)
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		r.problem, r.body = strangeZip, nil
	}
	if eventStream(r.media) && r.problem == uncut {
		r.body = joinEvents(r.body)
	}
	return r
}

func mediaOf(contentType string) string {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(contentType, ";")
	}
	return strings.ToLower(strings.TrimSpace(media))
}

func gunzip(body []byte, max int64) ([]byte, string) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, strangeZip
	}
	out, err := io.ReadAll(io.LimitReader(z, max+1))
	switch {
	case err != nil:
		return nil, strangeZip
	case int64(len(out)) > max:
		return nil, cutAnswer
	default:
		return out, uncut
	}
}

// json says whether the body says of itself that it is JSON, or says nothing.
func (r *reading) json() bool {
	return r.media == "" || strings.Contains(r.media, "json") || eventStream(r.media)
}

// finding is what the comparison of two answers has come to.
type finding struct {
	problem                        string // why the bodies could not be compared; differences outside of them count
	parsed                         bool   // both bodies are in the comparer's documents
	liveInvalid, shadowInvalid     bool   // not JSON, and said to be
	liveNonFinite, shadowNonFinite bool   // a bare NaN or infinity
}

// pair compares two answers. The differences are in the comparer.
func (c *comparer) pair(live, shadow *reading) finding {
	c.reset()
	if live.status != shadow.status {
		c.outside(placeStatus, strconv.Itoa(live.status), strconv.Itoa(shadow.status))
	}
	if live.media != shadow.media {
		c.outside(placeType, cutText([]byte(live.media)), cutText([]byte(shadow.media)))
	}
	switch {
	case live.problem != uncut:
		return finding{problem: live.problem}
	case shadow.problem != uncut:
		return finding{problem: shadow.problem}
	case live.json() && shadow.json() && len(live.body)+len(shadow.body) > 0:
		return c.bodies(live.body, shadow.body)
	}
	c.bytes(live.body, shadow.body)
	return finding{}
}

func (c *comparer) bodies(live, shadow []byte) (f finding) {
	inLive, inShadow := c.live.parse(live), c.shadow.parse(shadow)
	f.liveNonFinite, f.shadowNonFinite = c.live.nonFinite, c.shadow.nonFinite
	f.liveInvalid, f.shadowInvalid = errors.Is(inLive, errSyntax), errors.Is(inShadow, errSyntax)
	switch {
	case inLive == nil && inShadow == nil:
		f.parsed = true
		c.documents()
	case f.liveInvalid || f.shadowInvalid:
		c.bytes(live, shadow)
	case !bytes.Equal(live, shadow):
		f.problem = tooComplex
	}
	return f
}

func (c *comparer) bytes(live, shadow []byte) {
	if bytes.Equal(live, shadow) {
		return
	}
	at := 0
	for at < min(len(live), len(shadow)) && live[at] == shadow[at] {
		at++
	}
	c.outside(placeBody, excerpt(live, at), excerpt(shadow, at))
}

// excerpt shows a body from a little before a place.
func excerpt(b []byte, at int) string {
	from := max(0, at-20)
	text := cutText(b[min(from, len(b)):])
	if from > 0 {
		text = "…" + text
	}
	return text
}
