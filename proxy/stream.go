package proxy

import (
	"errors"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/headgate/headgate/canary"
)

// stream is a body that passes through. fasthttp writes it and ends it cleanly
// only when next has said io.EOF: a cut body ends in a cut connection.
type stream struct {
	client *client
	arm    canary.Arm
	body   answerBody
	rest   []byte // of a piece that Read could not hand out whole
	err    error
	begun  bool
	tapped bool // the pieces are looked at as they pass
	full   bool // the tap had no place
	events events
}

// next returns the next piece of the body.
func (s *stream) next() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	piece, err := s.body.next()
	s.err, s.begun = err, s.begun || err == nil
	if s.tapped && err == nil {
		s.client.tapPiece(piece)
	}
	if err == nil {
		s.client.mirrored.copy.Answer(piece)
	}
	return piece, err
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		var err error
		if s.rest, err = s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: the same pieces without a copy.
func (s *stream) WriteTo(w io.Writer) (int64, error) {
	total := int64(0)
	for {
		piece, err := s.next()
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(piece)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// SupportsBodyWriteTo lets fasthttp use WriteTo.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// awaitPiece sets the deadline of a read that may block: the route's for the
// first piece, unless the answer is an event stream, which may have nothing to
// say for long; then the longest silence that is allowed.
func (c *client) awaitPiece() {
	if !c.stream.begun && !c.upstreamHead.eventStream {
		return // the route's deadline is set
	}
	_ = c.upstream.SetReadDeadline(time.Now().Add(c.table.config.Upstream.Silence)) // fails on a closed connection only
}

// Close is called by fasthttp when the body was written or could not be.
func (s *stream) Close() error {
	c := s.client
	if c.upstream == nil {
		return nil
	}
	r, reuse := resultGone, false
	switch {
	case errors.Is(s.err, io.EOF):
		r, reuse = ofStatus(c.upstreamHead.status), !c.upstreamHead.close
	case c.upstream.cancelled() || s.err == nil: // the client takes no more
	case errors.Is(s.err, os.ErrDeadlineExceeded):
		r = resultTimeout
	default:
		r = resultBroken
	}
	if r != resultGone && r.lost() {
		c.mute = true // nothing more may look like an end
	}
	c.release(reuse)
	latency := c.latency
	c.note(s.arm, r)
	c.latency = latency
	if r == resultOK || r == resultStatus {
		c.mirrorAnswered()
		if c.mirrored.due {
			c.mirrorOffer(nil)
		}
	}
	c.mirrorDrop()
	c.count(c.upstreamHead.status)
	c.leave()
	return nil
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }
