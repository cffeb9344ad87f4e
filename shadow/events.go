package shadow

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tidwall/gjson"
)

// joinEvents makes one JSON text of a whole stream of server-sent events: the
// list of their data, or, for a chat's or completion's deltas, the text that
// they add up to: where a server cuts a text into deltas is chance.
func joinEvents(stream []byte) []byte {
	var events [][]byte
	var data []byte
	for line := range bytes.SplitSeq(stream, []byte{'\n'}) {
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 && data != nil {
			events, data = append(events, data), nil
		}
		if field, value, _ := bytes.Cut(line, colon); string(field) == "data" {
			value = bytes.TrimPrefix(value, blank)
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, value...)
			if data == nil {
				data = []byte{}
			}
		}
	}
	if data != nil {
		events = append(events, data)
	}
	if text, ok := joinDeltas(events); ok {
		return text
	}
	return joinList(events)
}

func joinList(events [][]byte) []byte {
	out := []byte(`{"events":[`)
	for i, e := range events {
		if i > 0 {
			out = append(out, ',')
		}
		var d document
		if d.parse(e) == nil {
			out = append(out, e...)
			continue
		}
		quoted, err := json.Marshal(string(e))
		if err != nil {
			panic(fmt.Sprintf("BUG: a string that is no JSON: %v", err))
		}
		out = append(out, quoted...)
	}
	return append(out, "]}"...)
}

// maxChoices bounds the choices of one answer that are told apart.
const maxChoices = 16

// choice is one of the answers that a chat or completion gives at once.
type choice struct {
	Index  int64  `json:"index"`
	Text   string `json:"text"`
	Finish string `json:"finish_reason,omitempty"`
}

// joinDeltas adds up the texts of streamed chats and completions (OpenAI's
// form: choices[].delta.content, choices[].text).
func joinDeltas(events [][]byte) ([]byte, bool) {
	texts := map[int64]*bytes.Buffer{}
	finish := map[int64]string{}
	for _, e := range events {
		for _, c := range gjson.GetBytes(e, "choices").Array() {
			text := c.Get("delta.content")
			if !text.Exists() {
				text = c.Get("text")
			}
			if !text.Exists() && !c.Get("delta").Exists() {
				continue
			}
			index := c.Get("index").Int()
			if texts[index] == nil {
				if len(texts) == maxChoices {
					return nil, false
				}
				texts[index] = &bytes.Buffer{}
			}
			_, _ = texts[index].WriteString(text.String()) // in memory
			if f := c.Get("finish_reason").String(); f != "" {
				finish[index] = f
			}
		}
	}
	if len(texts) == 0 {
		return nil, false
	}
	var choices []choice
	for index, text := range texts {
		choices = append(choices, choice{index, text.String(), finish[index]})
	}
	slices.SortFunc(choices, func(a, b choice) int { return cmp.Compare(a.Index, b.Index) })
	out, err := json.Marshal(map[string]any{"choices": choices})
	return out, err == nil
}
