package payload

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"

	"github.com/headgate/headgate/internal/kpi"
)

// Nothing that a client or a backend sends may hurt: no panic, bounded facts,
// and what Go's strict reader refuses is not read.
func FuzzRead(f *testing.F) {
	for _, s := range [][2]string{
		{`{"features":[[1,2,3]],"group":"a"}`, `{"predictions":[0.5],"probabilities":[[0.5,0.5]]}`},
		{`{"dataframe_split":{"columns":["a"],"data":[[1]]}}`, `{"predictions":[NaN]}`},
		{`{"inputs":[{"name":"x","shape":[1,2],"data":[1,2]},{"name":"y","shape":[1],"data":[[3]]}]}`, `{"outputs":[{"shape":[1],"data":[1]}]}`},
		{`{"instances":[{"a":1},{"b":[[[1]]]}]}`, `{"predictions":{"a":[1],"b":[1,2]}}`},
		{"[[[[", "\xff{"},
		{`{"features":[{"":1}],"":""}`, `{"predictions":[[],[1],[1,2,3]]}`},
	} {
		f.Add([]byte(s[0]), []byte(s[1]), 200)
	}
	contract := &Contract{Columns: []Column{{Name: "a", Type: Integer, Max: limit(3)}, {Name: "b", Nullable: true}}}
	rules := &Errors{Body: []Rule{{"predictions", IsMissing | IsNotANumber | IsNotPerRow}, {"stack_trace", IsPresent}}}
	m := kpi.Config{Inputs: []kpi.Input{{Name: "x", Feature: "1"}, {Name: "y", Feature: "a"}}}
	var readers []*Reader
	for format := range formats {
		readers = append(readers, NewReader(&Config{Format: format, Group: "group", Contract: contract}, rules, m))
	}
	f.Fuzz(func(t *testing.T, request, answer []byte, status int) {
		for _, r := range readers {
			got := r.Read(Exchange{Status: status, Request: request, Answer: answer})
			if len(got.Facts.Rows) > maxRows || len(got.Facts.Inputs) > maxRows {
				t.Fatalf("%d rows, %d inputs", len(got.Facts.Rows), len(got.Facts.Inputs))
			}
			if got.Facts.Invalid != (got.Breaches != 0) || got.Facts.Invalid && !got.Facts.Checked {
				t.Fatalf("%+v", got)
			}
			if got.Facts.Rows != nil && !json.Valid(answer) {
				t.Fatalf("predictions out of %q", answer)
			}
			if got.Facts.Inputs != nil && !json.Valid(request) {
				t.Fatalf("inputs out of %q", request)
			}
		}
	})
}

func FuzzRule(f *testing.F) {
	f.Add("predictions missing or not a number")
	f.Add(`a.#(b=="c d") present`)
	f.Fuzz(func(t *testing.T, text string) {
		var r, again Rule
		if r.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%q is read as %q, and that as %q, %v", text, r, again, err)
		}
	})
}

func TestUnpack(t *testing.T) {
	pack := func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	var u Unpacker
	body := []byte(`{"predictions":[1]}`)
	for range 2 {
		if got, trouble := u.Unpack(pack(body), 64); trouble != Fine || !bytes.Equal(got, body) {
			t.Errorf("%q, %s", got, trouble)
		}
		if _, trouble := u.Unpack(pack(make([]byte, 1<<20)), 64<<10); trouble != TooLarge {
			t.Errorf("a bomb: %s", trouble)
		}
		for _, broken := range [][]byte{nil, body, pack(body)[:15], append(pack(body), "rest"...)} {
			if _, trouble := u.Unpack(broken, 64); trouble != Coding {
				t.Errorf("%q: %s", broken, trouble)
			}
		}
	}
}

func BenchmarkRead(b *testing.B) {
	c := Config{Group: "group", Contract: &Contract{}}
	for i := range 10 {
		c.Contract.Columns = append(c.Contract.Columns, Column{Name: string(rune('a' + i)), Min: limit(0), Max: limit(1)})
	}
	r := NewReader(&c, &Errors{Body: []Rule{{"predictions", IsMissing | IsNotANumber | IsNotPerRow}}}, kpi.Config{Inputs: []kpi.Input{{Name: "x", Feature: "a"}}})
	x := Exchange{Status: 200, Request: []byte(`{"features": [[0.1,0.2,0.0,0.4,0.5,0.0,0.2,0.1,0.3,0.9]], "group": "b"}`), Answer: []byte(`{"predictions": [1], "probabilities": [0.731058]}`)}
	b.ReportAllocs()
	for b.Loop() {
		if got := r.Read(x); got.Facts.Invalid || got.Failed || len(got.Facts.Rows) != 1 {
			b.Fatalf("%+v", got)
		}
	}
}
