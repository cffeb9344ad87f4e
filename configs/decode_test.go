package configs

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/canary"
)

type Inlined struct {
	Hold   time.Duration `yaml:"hold"`
	Weight canary.Weight `yaml:"weight,omitempty"`
	None   *struct{}     `yaml:"none,omitempty"`
}

type everything struct {
	Inlined `yaml:",inline"`
	Text    string             `yaml:"text"`
	Yes     bool               `yaml:"yes"`
	Small   uint8              `yaml:"small"`
	Whole   int                `yaml:"whole"`
	Share   float64            `yaml:"share"`
	List    []Inlined          `yaml:"list"`
	Named   map[string]Inlined `yaml:"named"`
	Warm    *time.Duration     `yaml:"warm"`
	Skip    string             `yaml:"-"`
}

func decodeText(text string) (v everything, problems []string) {
	s, problem := readSource("f", []byte(text))
	if problem != nil {
		return v, []string{strings.TrimPrefix(problem.String(), "f:")}
	}
	d := newDecoder(s, testEnvironment)
	d.decode("", nil, s.root, reflect.ValueOf(&v).Elem())
	for _, p := range d.problems {
		problems = append(problems, strings.TrimPrefix(p.String(), "f:"))
	}
	return v, problems
}

func TestDecode(t *testing.T) {
	got, problems := decodeText(`
hold: 1m30s
weight: "12.5%"
none: {}
text: 'a: b'
yes: true
small: 255
whole: -3
share: 0.25
list: [&one {hold: 1s}, *one, {}]
named: {a.b: {weight: 1%}, "c d": *one}
warm: 0s
`)
	zero := time.Duration(0)
	want := everything{
		Inlined: Inlined{Hold: 90 * time.Second, Weight: 1250, None: &struct{}{}},
		Text:    "a: b", Yes: true, Small: 255, Whole: -3, Share: 0.25,
		List:  []Inlined{{Hold: time.Second}, {Hold: time.Second}, {}},
		Named: map[string]Inlined{"a.b": {Weight: 100}, "c d": {Hold: time.Second}},
		Warm:  &zero,
	}
	if len(problems) != 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %q\nwant %+v", got, problems, want)
	}
}

func TestDecodeSaysWhereAndWhat(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"a list instead of the policy": {"- a", []string{`1:1: wanted a mapping: keys with values, {} for none`}},
		"text instead of a mapping":    {"named: x", []string{`1:8: named: "x": wanted a mapping: keys with values, {} for none`}},
		"text instead of a list":       {"list: x", []string{`1:7: list: "x": wanted a list`}},
		"a mapping instead of text":    {"text: {}", []string{`1:7: text: wanted text`}},
		"nothing":                      {"text:\nnone: ~", []string{`1:6: text: wanted text`, `2:7: none: "~": wanted a mapping: keys with values, {} for none`}},
		"another yes":                  {"yes: on", []string{`1:6: yes: "on": wanted true or false`}},
		"too large":                    {"small: 256", []string{`1:8: small: "256": wanted a whole number of 0 or more`}},
		"not whole":                    {"whole: 1.5", []string{`1:8: whole: "1.5": wanted a whole number`}},
		"not a number":                 {"share: .nan", []string{`1:8: share: ".nan": wanted a number`}},
		"no unit":                      {"warm: 10", []string{`1:7: warm: "10": wanted a duration with its unit, such as 90s, 10m or 2h`}},
		"unknown, far from all":        {"zzzzzzzzz: 1", []string{`1:1: zzzzzzzzz: wanted one of hold, list, named, none, share, small, text, warm, weight, whole, yes`}},
		"unknown where there is none":  {"none: {a: 1}", []string{`1:8: none.a: wanted no keys here`}},
		"not in the file":              {"Skip: x", []string{`1:1: Skip: wanted one of hold, list, named, none, share, small, text, warm, weight, whole, yes`}},
		"twice, several":               {"text: a\nyes: x\ntext: b", []string{`2:6: yes: "x": wanted true or false`, `3:1: text: wanted each key once: it stands in line 1 already`}},
		"merge key":                    {"list: [&a {hold: 1s}]\n<<: *a", []string{`2:1: wanted plain words as keys (no merge keys, lists or mappings)`}},
		"a tag":                        {"text: !!str 5", []string{`1:7: text: wanted a value without a tag such as !!str`}},
		"an alias into itself":         {"named: &a {x: *a}", []string{`1:12: named.x.x: wanted one of hold, none, weight`}},
		"a break in a key":             {`"a\nb": 1`, []string{"1:1: a\uFFFDb: wanted one of hold, list, named, none, share, small, text, warm, weight, whole, yes"}},
		"columns are characters":       {`{text: "äöü", yes: ß}`, []string{`1:20: yes: "ß": wanted true or false`}},
		"not UTF-8":                    {"text: a\nyes: \xff", []string{`2:6: wanted YAML: text in UTF-8 without control characters`}},
		"two documents":                {"text: a\n---\ntext: b\n", []string{`2:1: wanted one YAML document in the file`}},
		"empty":                        {"# nothing\n", []string{`1:1: wanted a policy: a mapping with version, routes and models`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, got := decodeText(tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestDecodeIsBounded(t *testing.T) {
	// Ten lines that mean 10⁹ values: nothing may take long over them.
	var b strings.Builder
	b.WriteString("list: &l0 [{}]\n")
	for i := range 9 {
		b.WriteString("named: &l" + string(rune('1'+i)) + " [" + strings.Repeat("*l"+string(rune('0'+i))+",", 10) + "]\n")
	}
	if _, problems := decodeText(b.String()); len(problems) == 0 {
		t.Error("taken")
	}
	if _, problems := decodeText(strings.Repeat("[", 20_000)); len(problems) != 1 {
		t.Errorf("%d problems", len(problems))
	}
	if _, problems := decodeText("text: " + strings.Repeat("x", sizeLimit)); len(problems) != 1 {
		t.Errorf("%d problems", len(problems))
	}
}

func TestVersionFromMayBeNone(t *testing.T) {
	p, err := Parse("p.yaml", []byte(`version: 1
registry: {local: {}}
routes:
  - name: plain
    baseline: {upstreams: ["http://127.0.0.1:8001"], version_from: none}
`))
	if err != nil {
		t.Fatal(err)
	}
	if p.Routes[0].Baseline.VersionFrom != nil {
		t.Errorf("version_from: none became %+v", p.Routes[0].Baseline.VersionFrom)
	}
}
