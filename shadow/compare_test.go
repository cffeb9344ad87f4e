package shadow

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func comparerFor(t testing.TB, c Config) *comparer {
	t.Helper()
	c.SetDefaults()
	by, err := newComparer(c)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

// places are the differences as "kind path".
func differences(by *comparer) []string {
	out := []string{}
	for _, d := range by.differences {
		out = append(out, d.Kind+" "+d.Path)
	}
	return out
}

func TestDocuments(t *testing.T) {
	for _, c := range []struct {
		name, live, shadow string
		compare            Compare
		want               []string
	}{
		{"equal", `{"a":[1,"x",null,true]}`, `{"a":[1,"x",null,true]}`, Compare{}, nil},
		{"blanks and order of members", `{"a":1,"b":2}`, "{ \"b\" : 2,\n\t\"a\" : 1 }", Compare{}, nil},
		{"spelling of numbers and strings", `[1.0,1e3,"\u0041","a\/b"]`, `[1,1000,"A","a/b"]`, Compare{}, nil},
		{"float noise", `[0.1,1e10]`, `[0.10000001,10000000001]`, Compare{}, nil},
		{"beyond the tolerance", `[0.1]`, `[0.1001]`, Compare{}, []string{"value 0"}},
		{"a wider tolerance", `[0.1]`, `[0.1001]`, Compare{Absolute: new(0.001)}, nil},
		{"an exact comparison", `[0.1]`, `[0.10000000001]`, Compare{Absolute: new(0.0), Relative: new(0.0)}, []string{"value 0"}},
		{"a relative tolerance", `[1000,-1000]`, `[1009,-1009]`, Compare{Relative: new(0.01)}, nil},
		{"signs", `[1e-3]`, `[-1e-3]`, Compare{}, []string{"value 0"}},
		{"long integers are names", `[9007199254740993]`, `[9007199254740992]`, Compare{Relative: new(0.1)}, []string{"value 0"}},
		{"beyond float64", `[1e400]`, `[2e400]`, Compare{}, nil},
		{"class flips", `{"predictions":[0,1]}`, `{"predictions":[0,0]}`, Compare{}, []string{"value predictions.1"}},
		{"types", `{"a":1}`, `{"a":"1"}`, Compare{}, []string{"type a"}},
		{"a member less, one more", `{"a":1,"b":{"c":2}}`, `{"a":1,"d":3}`, Compare{}, []string{"missing b", "extra d"}},
		{"a dot in a name", `{"a.b":1}`, `{"a.b":2}`, Compare{}, []string{`value a\.b`}},
		{"the empty name", `{"":1}`, `{"":2}`, Compare{}, []string{"value "}},
		{"a name twice", `{"a":1,"a":2}`, `{"a":2}`, Compare{}, nil},
		{"lengths", `[1,2,3]`, `[1,5]`, Compare{}, []string{"length ", "value 1"}},
		{"bare NaN", `{"predictions":[NaN,Infinity,-Infinity]}`, `{"predictions":[NaN,Infinity,-Infinity]}`, Compare{}, nil},
		{"NaN for a number", `[0.5]`, `[NaN]`, Compare{}, []string{"value 0"}},
		{"infinities", `[Infinity]`, `[-Infinity]`, Compare{}, []string{"value 0"}},
		{"ignored", `{"meta":{"time":1,"id":"a"},"p":[{"id":1,"v":1},{"id":2,"v":1}]}`, `{"meta":{"time":2},"p":[{"id":3,"v":1},{"id":4,"v":1}]}`,
			Compare{Ignore: []string{"meta", "p.*.id"}}, nil},
		{"ignored when alone", `{"a":1}`, `{"a":1,"time":2}`, Compare{Ignore: []string{"time"}}, nil},
		{"ignored anywhere", `{"a":{"b":[{"time":1}]}}`, `{"a":{"b":[{"time":2}]}}`, Compare{Ignore: []string{"**.time"}}, nil},
		{"one index ignored", `[1,2]`, `[3,4]`, Compare{Ignore: []string{"0"}}, []string{"value 1"}},
		{"unordered", `{"outputs":[{"name":"a","v":1},{"name":"b","v":2}]}`, `{"outputs":[{"name":"b","v":2},{"name":"a","v":1}]}`,
			Compare{Unordered: map[string]string{"outputs": "name"}}, nil},
		{"unordered and different", `{"outputs":[{"name":"a","v":1},{"name":"b","v":2}]}`, `{"outputs":[{"name":"b","v":3},{"name":"c","v":1}]}`,
			Compare{Unordered: map[string]string{"outputs": "name"}}, []string{"missing outputs.0", "value outputs.1.v", "extra outputs.1"}},
		{"unordered values", `["a","b","b"]`, `["b","a","b"]`, Compare{Unordered: map[string]string{"**": ""}}, nil},
		{"unordered values, one replaced", `["a","b","b"]`, `["b","a","a"]`, Compare{Unordered: map[string]string{"**": ""}}, []string{"missing 2", "extra 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			by := comparerFor(t, Config{Compare: c.compare})
			f := by.bodies([]byte(c.live), []byte(c.shadow))
			by2 := comparerFor(t, Config{Compare: c.compare})
			by2.bodies([]byte(c.shadow), []byte(c.live))
			if got := differences(by); !f.parsed || !slices.Equal(got, append([]string{}, c.want...)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if len(by.places) != len(by2.places) {
				t.Errorf("%d places, and the other way round %d", len(by.places), len(by2.places))
			}
		})
	}
}

func TestPairs(t *testing.T) {
	zip := func(s string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(s))
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	deep := strings.Repeat("[", 1<<20)
	many := "[" + strings.Repeat("1,", maxNodes) + "1]"
	type said struct {
		status         int
		media, coding  string
		body           string
		cut            bool
		problem        string
		liveInvalid    bool
		shadowInvalid  bool
		shadowNonFinit bool
	}
	for _, c := range []struct {
		name         string
		live, shadow said
		want         []string
		finding      finding
	}{
		{"status", said{200, jsonType, "", "{}", false, "", false, false, false}, said{status: 500, media: jsonType, body: "{}"}, []string{"value (status)"}, finding{parsed: true}},
		{"content type", said{status: 200, media: "text/html", body: "x"}, said{status: 200, media: "text/plain; charset=utf-8", body: "x"}, []string{"value (content-type)"}, finding{}},
		{"parameters of a type", said{status: 200, media: "Text/Plain", body: "x"}, said{status: 200, media: "text/plain; charset=utf-8", body: "x"}, nil, finding{}},
		{"bytes", said{status: 200, media: "image/png", body: "\x89PNG1"}, said{status: 200, media: "image/png", body: "\x89PNG2"}, []string{"value (body)"}, finding{}},
		{"numbers that are no JSON", said{status: 200, media: "text/plain", body: "1.0000000001"}, said{status: 200, media: "text/plain", body: "1"}, []string{"value (body)"}, finding{}},
		{"empty", said{status: 200, media: jsonType}, said{status: 200, media: jsonType}, nil, finding{}},
		{"bad JSON against good", said{status: 200, media: jsonType, body: `{"a":1}`}, said{status: 200, media: jsonType, body: `{"a":`}, []string{"value (body)"}, finding{shadowInvalid: true}},
		{"bad JSON twice", said{status: 200, media: jsonType, body: `{"a":`}, said{status: 200, media: jsonType, body: `{"a":`}, nil, finding{liveInvalid: true, shadowInvalid: true}},
		{"bare NaN", said{status: 200, media: jsonType, body: `[1]`}, said{status: 200, media: jsonType, body: `[NaN]`}, []string{"value 0"}, finding{parsed: true, shadowNonFinite: true}},
		{"cut", said{status: 200, media: jsonType, body: "{}"}, said{status: 200, media: jsonType, cut: true}, nil, finding{problem: cutAnswer}},
		{"cut, and of another status", said{status: 200, media: jsonType, body: "{}"}, said{status: 500, media: jsonType, cut: true}, []string{"value (status)"}, finding{problem: cutAnswer}},
		{"gzip", said{status: 200, media: jsonType, coding: "gzip", body: string(zip(`[1.00000001]`))}, said{status: 200, media: jsonType, body: `[1]`}, nil, finding{parsed: true}},
		{"a bomb", said{status: 200, media: jsonType, coding: "gzip", body: string(zip(strings.Repeat(" ", 10<<20)))}, said{status: 200, media: jsonType, body: `[1]`}, nil, finding{problem: cutAnswer}},
		{"no gzip", said{status: 200, media: jsonType, coding: "gzip", body: "{}"}, said{status: 200, media: jsonType, body: `{}`}, nil, finding{problem: strangeZip}},
		{"brotli", said{status: 200, media: jsonType, coding: "br", body: "{}"}, said{status: 200, media: jsonType, body: `{}`}, nil, finding{problem: strangeZip}},
		{"too deep", said{status: 200, media: jsonType, body: deep}, said{status: 200, media: jsonType, body: `[]`}, nil, finding{problem: tooComplex}},
		{"too many", said{status: 200, media: jsonType, body: many}, said{status: 200, media: jsonType, body: `[]`}, nil, finding{problem: tooComplex}},
		{"events", said{status: 200, media: "text/event-stream", body: "data: {\"a\":1}\n\ndata: [DONE]\n\n"}, said{status: 200, media: "text/event-stream", body: ": ping\r\ndata: {\"a\": 1.0}\r\n\r\ndata: [DONE]\r\n\r\n"}, nil, finding{parsed: true}},
		{"other events", said{status: 200, media: "text/event-stream", body: "data: {\"a\":1}\n\n"}, said{status: 200, media: "text/event-stream", body: "data: {\"a\":2}\n\n"}, []string{"value events.0.a"}, finding{parsed: true}},
		{"a chat, cut elsewhere", said{status: 200, media: "text/event-stream", body: delta("Hel") + delta("lo") + "data: [DONE]\n\n"}, said{status: 200, media: "text/event-stream", body: delta("H") + delta("ello") + "data: [DONE]\n\n"}, nil, finding{parsed: true}},
		{"another chat", said{status: 200, media: "text/event-stream", body: delta("Hello")}, said{status: 200, media: "text/event-stream", body: delta("Hallo")}, []string{"value choices.0.text"}, finding{parsed: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			by := comparerFor(t, Config{})
			reading := func(s said) *reading {
				r := read(s.status, s.media, s.coding, []byte(s.body), s.cut, 1<<20)
				return &r
			}
			f := by.pair(reading(c.live), reading(c.shadow))
			if got := differences(by); f != c.finding || !slices.Equal(got, append([]string{}, c.want...)) {
				t.Errorf("got %q %+v, want %q %+v", got, f, c.want, c.finding)
			}
		})
	}
}

func delta(text string) string {
	return fmt.Sprintf("data: {\"id\":%q,\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text, text)
}

// Two arbitrary byte strings never panic, and what is equal agrees.
func FuzzCompare(f *testing.F) {
	for _, s := range []string{"", `{"a":[1,2,{"b":null}]}`, `[NaN,-Infinity]`, `{"a":1,"a":2}`, "data: {}\n\ndata: x\n\n", `"\ud800"`, `[1e999,-0.0]`, "\x1f\x8b", `{"p":[{"k":1},{"k":1}]}`} {
		f.Add([]byte(s), []byte(`{"a":[1,2,{"b":1}]}`), uint8(0))
	}
	media := []string{jsonType, "", "text/event-stream", "text/plain", "application/json;;=", "multipart/mixed; boundary"}
	f.Fuzz(func(t *testing.T, a, b []byte, how uint8) {
		by := comparerFor(t, Config{
			Compare: Compare{Ignore: []string{"**.i"}, Unordered: map[string]string{"**.u": "k", "**.v": ""}, Predictions: "p.#.k", Score: "p"},
			Redact:  []string{"**.r"},
		})
		kind, coding := media[int(how)%len(media)], []string{"", "gzip"}[int(how>>3)%2]
		x, y := read(200, kind, coding, a, false, 1<<20), read(200, kind, coding, b, false, 1<<20)
		c := by.config()
		found := by.pair(&x, &y)
		p := predict(&c, by, &x, &y, found)
		tally := newTally(defaulted(), layout)
		tally.judge(by, found, p, true, 0)
		tally.learn(by.places, p)
		sample := by.body(&by.live, found.parsed, x.body) + by.body(&by.shadow, found.parsed, y.body)
		if len(sample) > 4*(shownBody+10) {
			t.Errorf("a sample of %d bytes", len(sample))
		}
		if bytes.Equal(x.body, y.body) && len(by.places) > 0 {
			t.Errorf("%q differs from itself: %q", a, differences(by))
		}
		if json.Valid(a) != (by.live.parse(a) == nil) && !by.live.nonFinite && len(a) < 1000 {
			var d document
			if err := d.parse(a); !errors.Is(err, errTooLarge) {
				t.Errorf("%q: encoding/json says %v, we say %v", a, json.Valid(a), err)
			}
		}
	})
}

func (c *comparer) config() Compare { return Compare{Predictions: "p.#.k", Score: "p"} }

// anyJSON draws a document.
func anyJSON(t *rapid.T, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.Float64Range(-1e6, 1e6).Draw(t, "number")
	case 1:
		return rapid.String().Draw(t, "text")
	case 2:
		return rapid.Bool().Draw(t, "bool")
	case 3:
		return nil
	case 4:
		out := []any{}
		for range rapid.IntRange(0, 5).Draw(t, "elements") {
			out = append(out, anyJSON(t, depth-1))
		}
		return out
	default:
		out := map[string]any{}
		for range rapid.IntRange(0, 5).Draw(t, "members") {
			out[rapid.String().Draw(t, "name")] = anyJSON(t, depth-1)
		}
		return out
	}
}

func text(t *rapid.T, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shaken is the document with every number moved by a part of itself.
func shaken(t *rapid.T, v any, by float64) any {
	switch v := v.(type) {
	case float64:
		return v * (1 + rapid.Float64Range(-by, by).Draw(t, "noise"))
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = shaken(t, v[i], by)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = shaken(t, v[k], by)
		}
		return out
	default:
		return v
	}
}

func TestNoiseWithinTheToleranceAgrees(t *testing.T) {
	by := comparerFor(t, Config{Compare: Compare{Relative: new(1e-4)}})
	rapid.Check(t, func(t *rapid.T) {
		v := anyJSON(t, 4)
		by.reset()
		if f := by.bodies(text(t, v), text(t, shaken(t, v, 0.4e-4))); !f.parsed || len(by.places) > 0 {
			t.Fatalf("%s: %v", text(t, v), by.differences)
		}
	})
}

// One leaf is changed, and found where it is.
func TestPlantedDifferenceIsFound(t *testing.T) {
	by := comparerFor(t, Config{})
	rapid.Check(t, func(t *rapid.T) {
		others := anyJSON(t, 3)
		document := func(planted any) any {
			return map[string]any{"others": others, "list": []any{others, map[string]any{"here": planted}}}
		}
		before := rapid.SampledFrom([]any{1.0, "a", true, nil, []any{}}).Draw(t, "before")
		after := rapid.SampledFrom([]any{1.01, "b", false, 0.0, map[string]any{}}).Draw(t, "after")
		by.reset()
		by.bodies(text(t, document(before)), text(t, document(after)))
		if len(by.differences) != 1 || by.differences[0].Path != "list.1.here" || len(by.places) != 1 {
			t.Fatalf("%v", by.differences)
		}
		if _, ok := by.places["list.*.here"]; !ok {
			t.Fatalf("%v", by.places)
		}
	})
}

func TestDocumentsThatAreNone(t *testing.T) {
	for _, s := range []string{"", " ", "{", "[1,]", `{"a"}`, `{"a":1,}`, "01", "1.", ".5", "+1", "1e", "nul", "nan", "-", "-NaN", `"\x"`, "\"\n\"", `"a`, `"\u12g4"`, "[1 2]", "1 2", "{1:2}", "[1}"} {
		var d document
		if err := d.parse([]byte(s)); !errors.Is(err, errSyntax) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestManyDifferencesAreBounded(t *testing.T) {
	by := comparerFor(t, Config{})
	var live, shadow []string
	for i := range 5000 {
		live, shadow = append(live, fmt.Sprintf(`"n%d":1`, i)), append(shadow, fmt.Sprintf(`"n%d":2`, i))
	}
	by.bodies([]byte("{"+strings.Join(live, ",")+"}"), []byte("{"+strings.Join(shadow, ",")+"}"))
	if len(by.differences) != maxDifferences || by.more != 5000-maxDifferences || len(by.places) != maxPlaces || !by.crowded {
		t.Errorf("%d kept, %d more, %d places", len(by.differences), by.more, len(by.places))
	}
}

func TestComparingDoesNotAllocateForEqualAnswers(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates by itself")
	}
	by := comparerFor(t, Config{})
	body := []byte(`{"predictions":[0.1,0.2,0.3],"model":{"name":"churn","version":"3"}}`)
	if n := testing.AllocsPerRun(100, func() { by.reset(); by.bodies(body, body) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestScoresInHistograms(t *testing.T) {
	tally := newTally(defaulted(), layout)
	for i := range 10000 {
		v := float64(i) / 10000
		tally.predicted(predictions{scored: true, liveScores: []float64{v}, shadowScores: []float64{math.Sqrt(v)}})
	}
	s := tally.scored()
	if s.KS == nil || math.Abs(*s.KS-0.25) > 0.01 { // max of √v − v is at v = ¼
		t.Errorf("KS %v, want 0.25", s.KS)
	}
	// Σ (b−a) ln(b/a) over the deciles a = 0.1 of a distribution x², exactly.
	want := 0.0
	for i := range 10 {
		b := float64(2*i+1) / 100
		want += (b - .1) * math.Log(b/.1)
	}
	if s.PSI == nil || math.Abs(*s.PSI-want) > 0.03 {
		t.Errorf("PSI %v, want %v", *s.PSI, want)
	}
	same := newTally(defaulted(), layout)
	for i := range 10000 {
		v := float64(i) / 10000
		same.predicted(predictions{scored: true, liveScores: []float64{v}, shadowScores: []float64{1 - v}})
	}
	if s := same.scored(); math.Abs(*s.PSI) > 0.005 || *s.KS > 0.01 {
		t.Errorf("PSI %v, KS %v between equal distributions", *s.PSI, *s.KS)
	}
}
