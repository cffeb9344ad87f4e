package proxy

import "bytes"

// headScan looks for the end of a head in bytes that arrive in pieces, and
// finds at once what no later byte can repair.
type headScan struct {
	at   int // bytes looked at
	line int // where the current line begins
}

// next looks at all of b, which begins with the bytes of earlier calls. It
// returns the length of the head, 0 while it is not complete.
func (s *headScan) next(b []byte, maxTarget, maxHead int) (int, *refusal) {
	for {
		i := bytes.IndexByte(b[s.at:], '\n')
		if i < 0 {
			s.at = len(b)
			return 0, s.tooLong(len(b), maxTarget, maxHead)
		}
		end := s.at + i
		if end == 0 || b[end-1] != '\r' || end-1 < s.line {
			return 0, refuseBareLF
		}
		if r := s.tooLong(end+1, maxTarget, maxHead); r != nil {
			return 0, r
		}
		empty := end-1 == s.line
		s.at, s.line = end+1, end+1
		if empty {
			return end + 1, nil
		}
	}
}

// tooLong bounds the request line by the target's limit and some room for the
// method and the version.
func (s *headScan) tooLong(n, maxTarget, maxHead int) *refusal {
	if s.line == 0 && n > maxTarget+64 {
		return refuseLongTarget
	}
	if n > maxHead {
		return refuseLongHead
	}
	return nil
}
