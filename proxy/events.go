package proxy

import (
	"bytes"
	"math"
	"time"

	"github.com/tidwall/gjson"
)

// eventLine is how much of a line that comes in several pieces is kept, in
// bytes. A longer one is an event all the same; only a count of tokens in it is
// not seen.
const eventLine = 8 << 10

// maxTokens is the largest count of tokens that is believed.
const maxTokens = 1e7

// events measures a stream of server-sent events as it passes: the time to the
// first byte of data, and how many events with data came until the last.
type events struct {
	on          bool
	first, last time.Duration // since the request began; 0: no data yet
	count       float64       // events with data
	tokens      float64       // as the stream itself says, 0: it does not
	line        []byte        // of a line that is not complete
	cut         bool          // the line is longer than what is kept
	cr          bool          // the last byte was a carriage return
	open        bool          // the present event has data
}

var (
	dataField  = []byte("data:")
	doneEvent  = []byte("[DONE]")
	usageField = []byte(`"completion_tokens"`)
)

// add takes the next piece, which was there at now.
func (e *events) add(piece []byte, now time.Duration) {
	for len(piece) > 0 {
		if e.cr && piece[0] == '\n' {
			piece = piece[1:]
		}
		e.cr = false
		end := bytes.IndexAny(piece, "\r\n")
		if end < 0 {
			e.part(piece, now)
			return
		}
		e.cr = piece[end] == '\r'
		if len(e.line) == 0 && !e.cut {
			e.whole(piece[:end], now)
		} else {
			e.keep(piece[:end])
			e.whole(e.line, now)
		}
		e.line, e.cut = e.line[:0], false
		piece = piece[end+1:]
	}
}

// part keeps the beginning of a line, or more of one.
func (e *events) part(piece []byte, now time.Duration) {
	e.keep(piece)
	if data, ok := eventData(e.line); ok && e.first == 0 && !bytes.HasPrefix(doneEvent, data) {
		e.first = now
	}
}

func (e *events) keep(piece []byte) {
	room := eventLine - len(e.line)
	e.cut = e.cut || len(piece) > room
	e.line = append(e.line, piece[:min(len(piece), room)]...)
}

// whole takes a line without its end.
func (e *events) whole(line []byte, now time.Duration) {
	if len(line) == 0 {
		e.dispatch()
		return
	}
	data, ok := eventData(line)
	if !ok || bytes.Equal(data, doneEvent) || e.usage(data) {
		return
	}
	if e.first == 0 {
		e.first = now
	}
	e.last, e.open = now, true
}

// dispatch ends an event.
func (e *events) dispatch() {
	if e.open {
		e.count++
	}
	e.open = false
}

// eventData is what a line says after "data:"; false for other lines and for
// empty data.
func eventData(line []byte) ([]byte, bool) {
	data, ok := bytes.CutPrefix(line, dataField)
	data = bytes.TrimSpace(data)
	return data, ok && len(data) > 0
}

// usage takes the count of tokens that OpenAI's servers send at the end, when
// asked to; true when the event brings nothing else.
func (e *events) usage(data []byte) bool {
	if e.cut || !bytes.Contains(data, usageField) {
		return false
	}
	n := gjson.GetBytes(data, "usage.completion_tokens")
	if n.Type != gjson.Number || !(n.Num > 0 && n.Num <= maxTokens) {
		return false
	}
	e.tokens = n.Num
	choices := gjson.GetBytes(data, "choices.#")
	return choices.Exists() && choices.Num == 0
}

// rate is the tokens per second after the first; NaN when there were none. An
// event is a token unless the stream has counted them itself.
func (e *events) rate() float64 {
	e.dispatch() // the last event, where no empty line ends it
	n := e.count
	if e.tokens > 0 {
		n = e.tokens
	}
	if n < 2 || e.last <= e.first {
		return math.NaN()
	}
	return (n - 1) / (e.last - e.first).Seconds()
}
