package proxy

import "github.com/headgate/headgate/internal/payload"

// read counts one exchange. On the worker; what panics is an exchange that is
// counted as its status says.
func (t *tap) read(x *tapped) {
	defer func() {
		if v := recover(); v != nil {
			t.panicked(v)
			x.settle(false)
		}
	}()
	var out payload.Reading
	if x.read {
		t.unpack(x)
		out = x.tap.reader.Read(payload.Exchange{
			Status: x.status, Request: x.request, Answer: x.answer,
			RequestTrouble: x.requestTrouble, AnswerTrouble: x.answerTrouble,
		})
	}
	if !x.settle(out.Failed) {
		return
	}
	m := &x.tap.metrics[x.arm]
	m.count(&out)
	if x.rules && (!x.read || out.Unchecked) {
		m.unchecked.Inc()
	}
	f := out.Facts
	f.ID, f.Stream, f.FirstToken, f.Tokens = x.id, x.stream, x.firstToken, x.tokens
	if f.ID != 0 || f.Stream || f.Checked || f.Rows != nil || f.Inputs != nil {
		x.tap.recorder.Observe(x.arm, f)
	}
}

// settle counts the sample, if that has not been done; true when it is evidence.
func (x *tapped) settle(failed bool) bool {
	if !x.record {
		return true
	}
	x.record = false
	x.sample.Failed = x.sample.Failed || failed
	return x.tap.recorder.Record(x.arm, x.sample)
}

// unpack replaces packed bodies by what they hold. The room that was reserved
// stays as it was: put gives back what lies in the item's own buffers.
func (t *tap) unpack(x *tapped) {
	most := int(x.tap.maxBody)
	if x.requestPacked && x.requestTrouble == payload.Fine {
		body, trouble := t.requests.Unpack(x.request, most)
		x.requestTrouble = trouble
		t.replace(&x.request, body)
	}
	if x.answerPacked && x.answerTrouble == payload.Fine {
		body, trouble := t.answers.Unpack(x.answer, most)
		x.answerTrouble = trouble
		t.replace(&x.answer, body)
	}
}

// replace is not held to the limit: it happens to one item at a time.
func (t *tap) replace(old *[]byte, body []byte) {
	t.bytes.Add(int64(len(body) - len(*old)))
	*old = append((*old)[:0], body...)
}
