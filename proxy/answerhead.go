package proxy

import (
	"bufio"
	"bytes"
	"errors"
)

// answerHead is the head of an upstream's answer. Its slices point into the
// reader's buffer and are valid until the body is read.
type answerHead struct {
	status      int
	fields      []field
	length      int64 // bytes, chunked, noBody or untilClose
	close       bool  // the upstream ends the connection
	nominated   bool
	eventStream bool
	coding      coding
	dated       bool
	size        int
}

// untilClose is the length of a body that ends with its connection.
const untilClose int64 = -3

// maxInterim bounds the interim answers (1xx) before the real one.
const maxInterim = 16

var (
	errBadAnswer  = errors.New("answer is not valid HTTP/1.1")
	errLongAnswer = errors.New("head of the answer is too long")
)

// read reads the next head that is not an interim one and leaves the reader at
// the body; the caller discards size bytes when it has used the slices.
func (a *answerHead) read(r *bufio.Reader, toHEAD bool) error {
	for range maxInterim {
		head, err := peekHead(r)
		if err != nil {
			return err
		}
		if err := a.parse(head, toHEAD); err != nil {
			return err
		}
		if a.status >= 200 {
			return nil
		}
		if a.status == 101 {
			return errBadAnswer
		}
		if _, err := r.Discard(a.size); err != nil {
			return err
		}
	}
	return errBadAnswer
}

// peekHead waits for a whole head and leaves it in the reader.
func peekHead(r *bufio.Reader) ([]byte, error) {
	var scan headScan
	for wanted := 1; ; wanted = r.Buffered() + 1 {
		if wanted > r.Size() {
			return nil, errLongAnswer
		}
		if _, err := r.Peek(wanted); err != nil {
			return nil, err
		}
		b, err := r.Peek(r.Buffered())
		if err != nil {
			return nil, err
		}
		end, refused := scan.next(b, r.Size(), r.Size())
		if refused != nil {
			return nil, errBadAnswer
		}
		if end > 0 {
			return b[:end], nil
		}
	}
}

func (a *answerHead) parse(head []byte, toHEAD bool) error {
	*a = answerHead{fields: a.fields[:0], length: untilClose, size: len(head)}
	end := bytes.IndexByte(head, '\n')
	if !a.parseStatus(head[:end-1]) {
		return errBadAnswer
	}
	keepAlive := false
	for lines := head[end+1:]; ; {
		end := bytes.IndexByte(lines, '\n')
		line := lines[:end-1]
		lines = lines[end+1:]
		if len(line) == 0 {
			break
		}
		f, refused := parseField(line)
		if refused != nil || len(a.fields) == maxFields || !a.note(f, &keepAlive) {
			return errBadAnswer
		}
		a.fields = append(a.fields, f)
	}
	if head[7] == '0' && !keepAlive {
		a.close = true
	}
	if toHEAD || a.status == 204 || a.status == 304 {
		a.length = noBody
	}
	a.close = a.close || a.length == untilClose
	return nil
}

// parseStatus reads "HTTP/1.1 200 OK"; the reason may be missing.
func (a *answerHead) parseStatus(line []byte) bool {
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || (line[7] != '0' && line[7] != '1') || line[8] != ' ' {
		return false
	}
	if !digitsOnly(line[9:12]) || line[9] == '0' || (len(line) > 12 && line[12] != ' ') || !valueSet.all(line[12:]) {
		return false
	}
	a.status = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
	return a.status < 600
}

func (a *answerHead) note(f field, keepAlive *bool) bool {
	switch {
	case equalFold(f.name, "content-length"):
		n, ok := parseLength(f.value)
		if !ok || a.length != untilClose {
			return false
		}
		a.length = n
	case equalFold(f.name, "transfer-encoding"):
		if !equalFold(f.value, "chunked") || a.length != untilClose {
			return false
		}
		a.length = chunked
	case equalFold(f.name, "content-type"):
		a.eventStream = len(f.value) >= 17 && equalFold(f.value[:17], "text/event-stream")
	case equalFold(f.name, "content-encoding"):
		a.coding = codingOf(f.value)
	case equalFold(f.name, "date"):
		a.dated = true
	case equalFold(f.name, "connection"):
		for token := range eachToken(f.value) {
			switch {
			case equalFold(token, "close"):
				a.close = true
			case equalFold(token, "keep-alive"):
				*keepAlive = true
			default:
				a.nominated = true
			}
		}
	}
	return true
}
