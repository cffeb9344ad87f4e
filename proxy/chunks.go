package proxy

// chunkScan follows a chunked body byte by byte where it is framing and in
// strides where it is data, and refuses all that RFC 9112 §7.1 does not have:
// signs, prefixes, blanks, bare line feeds, empty extensions.
type chunkScan struct {
	state    chunkState
	size     int64 // of the chunk, then what is left of it
	digits   int
	total    int64 // data bytes so far
	trailing int   // bytes of extensions and trailers so far
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtName
	chunkExtNameMore
	chunkExtValue
	chunkExtToken
	chunkExtQuoted
	chunkExtEscaped
	chunkExtEnd
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailer // at the start of a line
	chunkTrailerLine
	chunkTrailerLF
	chunkEndLF
	chunkDone
)

// maxTrailing bounds extensions and trailers, which are thrown away, in bytes:
// less than fasthttp's own buffer takes.
const maxTrailing = 2 << 10

// next looks at b and returns how much of it belongs to the body; less than
// all only when the body has ended.
func (s *chunkScan) next(b []byte, maxBody int64) (int, *refusal) {
	for i := 0; i < len(b); {
		if s.state == chunkData {
			n := min(int64(len(b)-i), s.size)
			s.size -= n
			i += int(n)
			if s.size == 0 {
				s.state = chunkDataCR
			}
			continue
		}
		if r := s.step(b[i], maxBody); r != nil {
			return 0, r
		}
		i++
		if s.state == chunkDone {
			return i, nil
		}
	}
	return len(b), nil
}

func (s *chunkScan) done() bool { return s.state == chunkDone }

func (s *chunkScan) step(c byte, maxBody int64) *refusal {
	switch s.state {
	case chunkSize:
		return s.stepSize(c, maxBody)
	case chunkExtName, chunkExtNameMore, chunkExtValue, chunkExtToken, chunkExtQuoted, chunkExtEscaped, chunkExtEnd:
		if s.trailing++; s.trailing > maxTrailing {
			return refuseChunk
		}
		return s.stepExtension(c)
	case chunkSizeLF:
		if s.size == 0 {
			return s.expect(c, '\n', chunkTrailer)
		}
		return s.expect(c, '\n', chunkData)
	case chunkDataCR:
		return s.expect(c, '\r', chunkDataLF)
	case chunkDataLF:
		s.digits = 0
		return s.expect(c, '\n', chunkSize)
	case chunkTrailer, chunkTrailerLine, chunkTrailerLF:
		if s.trailing++; s.trailing > maxTrailing {
			return refuseLongHead
		}
		return s.stepTrailer(c)
	case chunkEndLF:
		return s.expect(c, '\n', chunkDone)
	case chunkData, chunkDone:
	}
	return refuseChunk
}

func (s *chunkScan) expect(c, wanted byte, then chunkState) *refusal {
	if c != wanted {
		return refuseChunk
	}
	s.state = then
	return nil
}

func (s *chunkScan) stepSize(c byte, maxBody int64) *refusal {
	switch {
	case hexSet[c]:
		if s.digits == 0 {
			s.size = 0
		}
		if s.digits++; s.digits > 15 {
			return refuseChunk
		}
		s.size = s.size<<4 | int64(hexDigit(c))
		return nil
	case s.digits == 0:
		return refuseChunk
	}
	if s.total += s.size; s.total > maxBody {
		return refuseLongBody
	}
	if c == ';' {
		s.state = chunkExtName
		return nil
	}
	return s.expect(c, '\r', chunkSizeLF)
}

// stepExtension reads *( ";" name [ "=" ( token / quoted-string ) ] ) CR.
func (s *chunkScan) stepExtension(c byte) *refusal {
	switch s.state {
	case chunkExtName, chunkExtNameMore:
		if tokenSet[c] {
			s.state = chunkExtNameMore
			return nil
		}
		if s.state == chunkExtName {
			return refuseChunk
		}
		if c == '=' {
			s.state = chunkExtValue
			return nil
		}
	case chunkExtValue:
		if c == '"' {
			s.state = chunkExtQuoted
			return nil
		}
		if tokenSet[c] {
			s.state = chunkExtToken
			return nil
		}
		return refuseChunk
	case chunkExtToken:
		if tokenSet[c] {
			return nil
		}
	case chunkExtQuoted, chunkExtEscaped:
		return s.stepQuoted(c)
	default:
	}
	if c == ';' {
		s.state = chunkExtName
		return nil
	}
	return s.expect(c, '\r', chunkSizeLF)
}

func (s *chunkScan) stepQuoted(c byte) *refusal {
	switch {
	case !valueSet[c]:
		return refuseChunk
	case s.state == chunkExtEscaped:
		s.state = chunkExtQuoted
	case c == '\\':
		s.state = chunkExtEscaped
	case c == '"':
		s.state = chunkExtEnd
	}
	return nil
}

func (s *chunkScan) stepTrailer(c byte) *refusal {
	switch {
	case s.state == chunkTrailer && c == '\r':
		s.state = chunkEndLF
	case s.state == chunkTrailer && tokenSet[c]:
		s.state = chunkTrailerLine
	case s.state == chunkTrailerLine && c == '\r':
		s.state = chunkTrailerLF
	case s.state == chunkTrailerLine && valueSet[c]:
	case s.state == chunkTrailerLF && c == '\n':
		s.state = chunkTrailer
	default:
		return refuseChunk
	}
	return nil
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0x0f + 9
}
