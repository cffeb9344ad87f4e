package proxy

import (
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// methods is what is served; others than TRACE and CONNECT pass too.
const methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

const statusNoContent = 204

// appendOptions answers OPTIONS *, which asks about the server as a whole.
func (c *client) appendOptions(b []byte) []byte {
	b = appendStatusLine(b, statusNoContent)
	b = append(b, "Date: "...)
	b = fasthttp.AppendHTTPDate(b, c.start)
	b = append(b, "\r\nAllow: "+methods+"\r\n"...)
	b = appendField(b, "X-Request-Id", c.id)
	b = appendConnection(b, c.closing, c.head.http10 && !c.closing)
	return append(b, "\r\n"...)
}

// problemFraming is what an answer of the proxy's own says about its
// connection.
type problemFraming struct {
	close     bool
	keepAlive bool // said to an HTTP/1.0 client
	head      bool // the answer to HEAD has no body
}

// appendProblem writes a whole answer with a problem document (RFC 9457).
func appendProblem(b []byte, r *refusal, id []byte, f problemFraming) []byte {
	b = appendStatusLine(b, r.status)
	b = append(b, "Date: "...)
	b = fasthttp.AppendHTTPDate(b, time.Now())
	b = append(b, "\r\nContent-Type: application/problem+json\r\nContent-Length: "...)
	title := fasthttp.StatusMessage(r.status)
	length := len(`{"type":"about:blank","title":"","status":000,"detail":""}`) + 1 + len(title) + len(r.detail)
	if len(id) > 0 {
		length += len(`,"request_id":""`) + len(id)
	}
	b = strconv.AppendInt(b, int64(length), 10)
	b = append(b, "\r\n"...)
	if len(id) > 0 {
		b = appendField(b, "X-Request-Id", id)
	}
	if r.allow != "" {
		b = appendField(b, "Allow", []byte(r.allow))
	}
	if r.retry {
		b = append(b, "Retry-After: 1\r\n"...)
	}
	b = appendConnection(b, f.close, f.keepAlive)
	b = append(b, "\r\n"...)
	if f.head {
		return b
	}
	b = append(b, `{"type":"about:blank","title":"`...)
	b = append(b, title...)
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(r.status), 10)
	b = append(b, `,"detail":"`...)
	b = append(b, r.detail...)
	if len(id) > 0 {
		b = append(b, `","request_id":"`...)
		b = append(b, id...)
	}
	return append(b, "\"}\n"...)
}

func appendStatusLine(b []byte, status int) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	if text := fasthttp.StatusMessage(status); text != "Unknown Status Code" {
		b = append(b, text...)
	}
	return append(b, "\r\n"...)
}

func appendField(b []byte, name string, value []byte) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

func appendConnection(b []byte, closes, keepAlive bool) []byte {
	switch {
	case closes:
		return append(b, "Connection: close\r\n"...)
	case keepAlive:
		return append(b, "Connection: keep-alive\r\n"...)
	default:
		return b
	}
}
