package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

const (
	depthLimit = 64      // of nesting; a policy needs 7
	nodeLimit  = 100_000 // with aliases followed: what a few lines can blow up to
)

// decoder fills Go values from a tree. The packages' Config structs know
// nothing of YAML but their tags, so what the file may hold is read from them.
// Unlike the library's own decoding it goes on after a problem, and it knows
// where every field stands.
type decoder struct {
	places
	lookup func(string) (string, bool)
	depth  int
	nodes  int
}

func newDecoder(s *source, lookup func(string) (string, bool)) *decoder {
	return &decoder{places: newPlaces(s), lookup: lookup}
}

// decode fills v, which can be set, from n. Every problem is reported once; v
// keeps its zero value there.
func (d *decoder) decode(path string, key, n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.depth++
	d.nodes++
	defer func() { d.depth-- }()
	if d.depth > depthLimit || d.nodes > nodeLimit {
		if d.nodes <= nodeLimit+1 {
			d.refuse(n, path, "", "a smaller policy: it is nested too deep or repeats itself through aliases")
		}
		d.nodes = max(d.nodes, nodeLimit+1)
		return
	}
	d.at[path] = place{key: key, value: n, text: expanded{text: n.Value}}
	if n.Style&yaml.TaggedStyle != 0 {
		d.refuse(n, path, "", "a value without a tag such as "+n.Tag)
		return
	}
	switch t := v.Type(); {
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && n.Kind == yaml.ScalarNode && n.Value == "none":
		// What may be left out may also be said to be none: version_from: none.
	case t.Kind() == reflect.Pointer:
		fresh := reflect.New(t.Elem())
		d.decode(path, key, n, fresh.Elem())
		v.Set(fresh)
	case isScalar(t):
		d.scalar(path, key, n, v)
	case t.Kind() == reflect.Slice:
		d.list(path, n, v)
	case t.Kind() == reflect.Map:
		d.mapping(path, n, v)
	case t.Kind() == reflect.Struct:
		d.structure(path, n, v)
	default:
		panic(fmt.Sprintf("BUG: %s has type %s, which no policy can hold", path, t))
	}
}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
)

func isScalar(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(textType) {
		return true
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Struct, reflect.Pointer, reflect.Interface:
		return false
	default:
		return true
	}
}

func (d *decoder) list(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.refuse(n, path, d.scalarShown(path, n), "a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	v.Set(out) // before its elements: they are filled in place
	for i, item := range n.Content {
		d.decode(fmt.Sprintf("%s[%d]", path, i), nil, item, out.Index(i))
	}
}

func (d *decoder) mapping(path string, n *yaml.Node, v reflect.Value) {
	out := reflect.MakeMap(v.Type())
	v.Set(out)
	d.pairs(path, n, func(at string, key, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(at, key, value, item)
		out.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), item)
	})
}

func (d *decoder) structure(path string, n *yaml.Node, v reflect.Value) {
	fields := fieldsOf(v.Type())
	d.pairs(path, n, func(at string, key, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if i < 0 {
			d.unknown(path, key, fields)
			return
		}
		d.decode(at, key, value, v.FieldByIndex(fields[i].index))
	})
}

// pairs calls each for every key of a mapping, once for each.
func (d *decoder) pairs(path string, n *yaml.Node, each func(at string, key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.refuse(n, path, d.scalarShown(path, n), "a mapping: keys with values, {} for none")
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || key.Value == "" {
			d.refuse(key, path, "", "plain words as keys (no merge keys, lists or mappings)")
			continue
		}
		at := join(path, key.Value)
		if line, ok := first[key.Value]; ok {
			d.refuse(key, at, "", fmt.Sprintf("each key once: it stands in line %d already", line))
			continue
		}
		first[key.Value] = key.Line
		each(at, key, value)
	}
}

// refuse reports a problem of form, after which nothing is said of the value.
func (d *decoder) refuse(n *yaml.Node, path, value, wanted string) {
	d.broken[path] = true
	d.add(n, path, value, wanted)
}

func (d *decoder) unknown(path string, key *yaml.Node, fields []field) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.name
	}
	d.unknownIn[path] = true
	if near := nearest(known, key.Value); near != "" {
		d.meant[join(path, near)] = true
	}
	d.add(key, join(path, key.Value), "", oneOf(known, key.Value))
}

func (d *decoder) scalarShown(path string, n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		return ""
	}
	if secretKey(path) && !strings.Contains(n.Value, "${") {
		return "(hidden)"
	}
	return withoutKeys(n.Value)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// field is one key that a mapping may have.
type field struct {
	name  string
	index []int
}

// fieldsOf lists the keys of a struct by its yaml tags, inlined ones included.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline"):
			for _, inner := range fieldsOf(f.Type) {
				out = append(out, field{inner.name, append([]int{i}, inner.index...)})
			}
		case name == "-" || !f.IsExported():
		case name == "":
			panic(fmt.Sprintf("BUG: %s.%s has no yaml tag", t, f.Name))
		default:
			out = append(out, field{name, []int{i}})
		}
	}
	return out
}
