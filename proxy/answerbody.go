package proxy

import (
	"bufio"
	"errors"
	"io"
)

// answerBody reads the body of an upstream's answer in pieces, without copying
// them. It tells an end from a cut: io.EOF only where the framing says so.
type answerBody struct {
	reader *bufio.Reader
	length int64 // as in answerHead
	left   int64 // of the body, or of the chunk
	used   int   // of the last piece, still in the reader
	ended  bool
	inside bool // of a chunk: its CRLF is to come
	// wait is called before a read that may block.
	wait func()
}

var errChunk = errors.New("chunked answer is not valid")

func newAnswerBody(r *bufio.Reader, length int64, wait func()) answerBody {
	b := answerBody{reader: r, length: length, left: length, wait: wait}
	switch length {
	case chunked:
		b.left = 0
	case noBody, 0:
		b.ended = true
	default:
	}
	return b
}

// next returns the next piece, valid until the call after it.
func (b *answerBody) next() ([]byte, error) {
	if _, err := b.reader.Discard(b.used); err != nil {
		return nil, err
	}
	b.used = 0
	if b.length == chunked && b.left == 0 && !b.ended {
		if err := b.nextChunk(); err != nil {
			return nil, cut(err)
		}
	}
	if b.ended {
		return nil, io.EOF
	}
	if err := b.fill(); err != nil {
		if errors.Is(err, io.EOF) && b.length == untilClose {
			b.ended = true
			return nil, io.EOF
		}
		return nil, cut(err)
	}
	n := b.reader.Buffered()
	if b.length != untilClose {
		n = int(min(int64(n), b.left))
		if b.left -= int64(n); b.left == 0 && b.length != chunked {
			b.ended = true
		}
	}
	piece, err := b.reader.Peek(n)
	b.used = n
	return piece, err
}

// fill waits until there is something to take.
func (b *answerBody) fill() error {
	if b.reader.Buffered() > 0 {
		return nil
	}
	if b.wait != nil {
		b.wait()
	}
	_, err := b.reader.Peek(1)
	return err
}

// nextChunk reads up to a chunk's data, or to the end of the body.
func (b *answerBody) nextChunk() error {
	if b.inside {
		line, err := b.line()
		if err != nil || len(line) != 0 {
			return errors.Join(errChunk, err)
		}
	}
	line, err := b.line()
	if err != nil {
		return err
	}
	size, ok := parseChunkLine(line)
	if !ok {
		return errChunk
	}
	b.left, b.inside = size, true
	if size > 0 {
		return nil
	}
	for trailers := 0; trailers < maxFields; trailers++ {
		line, err := b.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			b.ended = true
			return nil
		}
	}
	return errChunk
}

// line reads a line and its CRLF.
func (b *answerBody) line() ([]byte, error) {
	if err := b.fill(); err != nil {
		return nil, err
	}
	line, err := b.reader.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return nil, errChunk
	}
	return line[:len(line)-2], nil
}

func parseChunkLine(line []byte) (int64, bool) {
	size, digits := int64(0), 0
	for digits < len(line) && hexSet[line[digits]] {
		size = size<<4 | int64(hexDigit(line[digits]))
		if digits++; digits > 15 {
			return 0, false
		}
	}
	rest := trimBlanks(line[digits:])
	return size, digits > 0 && (len(rest) == 0 || rest[0] == ';')
}

// cut turns an end where none may be into a cut.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
