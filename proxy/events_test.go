package proxy

import (
	"math"
	"strings"
	"testing"
	"time"
)

// Wherever the network cuts a stream, the same events are seen.
func TestEventsAcrossEveryCut(t *testing.T) {
	streams := map[string]struct {
		text   string
		count  float64
		tokens float64
	}{
		"plain":        {"data: a\n\ndata: b\n\ndata: c\n\n", 3, 0},
		"windows ends": {"data: a\r\n\r\ndata: b\r\n\r\n", 2, 0},
		"old mac ends": {"data: a\r\rdata: b\r\r", 2, 0},
		"no last end":  {"data: a\n\ndata: b", 1, 0},
		"several data": {"event: x\ndata: a\ndata: b\nid: 7\n\n: comment\n\ndata:c\n\n", 2, 0},
		"empty data":   {"data:\n\ndata: \n\nretry: 5\n\ndata: a\n\n", 1, 0},
		"done":         {"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n", 1, 0},
		"usage alone":  {"data: {\"choices\":[{}],\"usage\":null}\n\ndata: {\"choices\":[],\"usage\":{\"completion_tokens\":7}}\n\ndata: [DONE]\n\n", 1, 7},
		"usage beside": {"data: {\"choices\":[{}],\"usage\":{\"completion_tokens\":1}}\n\ndata: {\"choices\":[{}],\"usage\":{\"completion_tokens\":9}}\n\n", 2, 9},
		"usage absurd": {"data: {\"choices\":[{}],\"usage\":{\"completion_tokens\":1e99}}\n\n", 1, 0},
		"not events":   {"hello\nworld\n\n{\"data\": 1}\n", 0, 0},
	}
	for name, s := range streams {
		for first := range len(s.text) + 1 {
			for second := first; second <= len(s.text); second++ {
				e := events{on: true}
				for _, piece := range []string{s.text[:first], s.text[first:second], s.text[second:]} {
					e.add([]byte(piece), time.Second)
				}
				e.dispatch()
				want := s.count
				if name == "no last end" {
					want = e.count // its last line has no end; part of a stream that goes on
				}
				if e.count != want || e.tokens != s.tokens || (e.first > 0) != (s.count > 0) {
					t.Fatalf("%s cut at %d and %d: %v events, %v tokens, first at %s", name, first, second, e.count, e.tokens, e.first)
				}
			}
		}
	}
}

func TestEventTimes(t *testing.T) {
	e := events{on: true}
	for i, piece := range []string{": wait\n\n", "da", "ta: ", "x", "\n\n", "data: y\n\n", "data: z\n\ndata: [DONE]\n\n"} {
		e.add([]byte(piece), time.Duration(i+1)*time.Second)
	}
	if e.first != 4*time.Second || e.last != 7*time.Second || e.count != 3 {
		t.Errorf("first %s, last %s, %v events", e.first, e.last, e.count)
	}
	// The first token's line was whole at 5 s, but its first byte was there at 4.
	if rate := e.rate(); rate != 2.0/3 {
		t.Errorf("%v tokens per second", rate)
	}
	e.tokens = 31
	if rate := e.rate(); rate != 10 {
		t.Errorf("%v tokens per second, want what the stream counted", rate)
	}
	if one := (&events{count: 1, first: time.Second, last: 2 * time.Second}); !math.IsNaN(one.rate()) {
		t.Errorf("one token has a rate: %v", one.rate())
	}
}

// A line without an end takes no memory beyond its bound, and is still an event.
func TestEventLinesAreBounded(t *testing.T) {
	e := events{on: true}
	e.add([]byte("data: "), time.Second)
	for range 100 {
		e.add([]byte(strings.Repeat(`"completion_tokens":5,`, 100)), time.Second)
	}
	if len(e.line) > eventLine || cap(e.line) > 2*eventLine {
		t.Errorf("%d bytes kept, %d taken", len(e.line), cap(e.line))
	}
	e.add([]byte("\n\n"), 2*time.Second)
	if e.count != 1 || e.tokens != 0 || e.first != time.Second || e.last != 2*time.Second {
		t.Errorf("%+v", e)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\ndata: [DONE]\n\n"), uint8(3))
	f.Fuzz(func(t *testing.T, stream []byte, at uint8) {
		whole, cut := events{on: true}, events{on: true}
		whole.add(stream, time.Second)
		i := min(int(at), len(stream))
		cut.add(stream[:i], time.Second)
		cut.add(stream[i:], time.Second)
		if len(stream) < eventLine && (whole.count != cut.count || whole.tokens != cut.tokens || whole.open != cut.open) {
			t.Errorf("%q cut at %d: %v events and %v", stream, i, whole.count, cut.count)
		}
	})
}
