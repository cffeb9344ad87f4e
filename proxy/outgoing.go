package proxy

import "strconv"

// appendRequestHead writes the head for the upstream: the lines that the
// client sent, byte for byte, without those of one connection and those that
// are the proxy's to write.
func (c *client) appendRequestHead(b []byte, body int) []byte {
	h := &c.head
	b = append(b, h.method...)
	b = append(b, ' ')
	b = append(b, h.target...)
	b = append(b, " HTTP/1.1\r\n"...)
	force := c.route.config.Force
	for i := range h.fields {
		f := &h.fields[i]
		if hopByHop(f.name) || ownedByProxy(f.name) || (force != nil && equalName(f.name, force.Header)) {
			continue
		}
		if h.nominated && nominated(h.fields, f.name) {
			continue
		}
		b = append(b, f.line...)
		b = append(b, "\r\n"...)
	}
	if h.length != noBody {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(body), 10)
		b = append(b, "\r\n"...)
	}
	if c.remote.IsValid() {
		b = append(b, "X-Forwarded-For: "...)
		b = c.remote.AppendTo(b)
		b = append(b, "\r\n"...)
	}
	b = appendField(b, "X-Forwarded-Host", h.host)
	b = append(b, "X-Forwarded-Proto: http\r\n"...)
	b = appendField(b, "X-Request-Id", c.id)
	return append(b, "\r\n"...)
}

// equalName compares a field name with a configured one.
func equalName(name []byte, configured string) bool {
	if len(name) != len(configured) {
		return false
	}
	for i := range name {
		if foldName(name[i]) != foldName(configured[i]) {
			return false
		}
	}
	return true
}
