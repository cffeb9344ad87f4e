package proxy

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/headgate/headgate/canary"
)

// appendAnswerHead writes the head for the client: the upstream's lines, byte
// for byte, without those of one connection. length is a number of bytes,
// chunked, or noBody, for which the upstream's own Content-Length stays.
func (c *client) appendAnswerHead(b []byte, by canary.Arm, length int64) []byte {
	a := &c.upstreamHead
	b = appendStatusLine(b, a.status)
	for i := range a.fields {
		f := &a.fields[i]
		if length == noBody && a.status != 204 && equalFold(f.name, "content-length") {
			b = append(b, f.line...)
			b = append(b, "\r\n"...)
			continue
		}
		if hopByHop(f.name) || hasNamePrefix(f.name, "x-headgate-") || isName(f.name, "x-request-id") {
			continue
		}
		if a.nominated && nominated(a.fields, f.name) {
			continue
		}
		b = append(b, f.line...)
		b = append(b, "\r\n"...)
	}
	switch {
	case length >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, length, 10)
		b = append(b, "\r\n"...)
	case length == chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if !a.dated { // RFC 9110 §6.6.1
		b = append(b, "Date: "...)
		b = fasthttp.AppendHTTPDate(b, c.start)
		b = append(b, "\r\n"...)
	}
	b = appendField(b, "X-Request-Id", c.id)
	if c.route.config.ExposeArm {
		b = appendField(b, "X-Headgate-Arm", []byte(by.String()))
	}
	if c.draw.newKey {
		b = append(b, "Set-Cookie: "...)
		b = append(b, c.route.config.Key.Cookie...)
		b = append(b, '=')
		b = append(b, c.keyBuf...)
		b = append(b, c.route.cookie...)
	}
	b = appendConnection(b, c.closing, c.head.http10 && !c.closing)
	return append(b, "\r\n"...)
}
