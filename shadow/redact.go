package shadow

import (
	"bytes"
	"fmt"
	"time"
)

const redacted = `"(redacted)"`

// sample makes what is kept of a disagreeing pair: texts of its own, without
// what the policy hides.
func (e *engine) sample(c *Copy, o *outgoing, a answer, by *comparer, live, shadow *reading, f finding) Sample {
	path, _, _ := bytes.Cut(o.target, []byte{'?'})
	var request document
	known := request.parse(c.requestBody()) == nil
	s := Sample{
		At: time.Now(), ID: string(o.id), Method: string(o.method), Path: cutText(path),
		Request: by.body(&request, known, c.requestBody()),
		Live:    Shown{live.status, c.live.Latency.Seconds(), live.media, by.body(&by.live, f.parsed, live.body), live.problem != uncut},
		Shadow:  Shown{shadow.status, a.latency.Seconds(), shadow.media, by.body(&by.shadow, f.parsed, shadow.body), shadow.problem != uncut},
		More:    by.more,
	}
	for _, d := range by.differences {
		if by.hidden(d) {
			d.Live, d.Shadow = hide(d.Live), hide(d.Shadow)
		}
		d.way = nil
		s.Differences = append(s.Differences, d)
	}
	return s
}

func hide(text string) string {
	if text == "" {
		return ""
	}
	return "(redacted)"
}

// hidden says whether a difference's values are not to be shown.
func (c *comparer) hidden(d Difference) bool {
	if d.way == nil {
		return d.Path == placeBody && len(c.redact) > 0
	}
	for n := 1; n <= len(d.way); n++ {
		if c.redacted(d.way[:n]) {
			return true
		}
	}
	return false
}

func (c *comparer) redacted(way []step) bool {
	for _, p := range c.redact {
		if p.matches(way) {
			return true
		}
	}
	return false
}

// body is a body as it is shown. What is not JSON cannot be redacted and is
// told by its size where something is to be hidden.
func (c *comparer) body(d *document, parsed bool, raw []byte) string {
	switch {
	case len(raw) == 0:
		return ""
	case parsed:
		r := renderer{document: d, redacted: c.redacted}
		r.value(0)
		return string(bytes.ToValidUTF8(r.out, replacement))
	case len(c.redact) > 0:
		return fmt.Sprintf("(%d bytes)", len(raw))
	case len(raw) > shownBody:
		return string(bytes.ToValidUTF8(raw[:shownBody], replacement)) + "…"
	default:
		return string(bytes.ToValidUTF8(raw, replacement))
	}
}

// renderer writes a document without what is hidden, up to shownBody bytes.
type renderer struct {
	*document
	redacted func(way []step) bool
	way      []step
	out      []byte
	full     bool
}

func (r *renderer) write(text ...byte) {
	if r.full {
		return
	}
	if len(r.out)+len(text) > shownBody {
		r.out, r.full = append(r.out, "…"...), true
		return
	}
	r.out = append(r.out, text...)
}

func (r *renderer) value(i int) {
	n := r.nodes[i]
	switch {
	case r.full:
	case len(r.way) > 0 && r.redacted(r.way):
		r.write([]byte(redacted)...)
	case n.kind == nodeObject:
		r.children('{', i, '}')
	case n.kind == nodeArray:
		r.children('[', i, ']')
	case n.kind == nodeString:
		r.write(r.text[n.start-1 : n.end+1]...)
	default:
		r.write(r.raw(i)...)
	}
}

func (r *renderer) children(open byte, i int, end byte) {
	r.write(open)
	n := r.nodes[i]
	for at, index := i+1, 0; at < int(n.next) && !r.full; index++ {
		if index > 0 {
			r.write(',')
		}
		s := step{index: index}
		if n.kind == nodeObject {
			s = step{name: named(r.raw(at))}
			r.write(r.text[r.nodes[at].start-1 : r.nodes[at].end+1]...)
			r.write(':')
			at++
		}
		r.way = append(r.way, s)
		r.value(at)
		r.way = r.way[:len(r.way)-1]
		at = int(r.nodes[at].next)
	}
	r.write(end)
}
