package configs

import (
	"fmt"
	"reflect"
)

// zeros lists the numbers, durations and booleans that the file sets to zero.
// Defaults fill in zeros, so such a value could be replaced without a word.
func (d *decoder) zeros(v reflect.Value) []string {
	var out []string
	leaves("", v, func(path string, leaf reflect.Value) {
		if _, written := d.at[path]; written && leaf.IsZero() && leaf.Kind() != reflect.String {
			out = append(out, path)
		}
	})
	return out
}

// replaced refuses the zeros that defaults have filled in.
func (d *decoder) replaced(zeros []string, v reflect.Value) {
	now := map[string]reflect.Value{}
	leaves("", v, func(path string, leaf reflect.Value) { now[path] = leaf })
	for _, path := range zeros {
		if leaf, ok := now[path]; ok && !leaf.IsZero() {
			d.report(path, nil, fmt.Sprintf("a value other than zero, or none at all for the default of %v", leaf.Interface()))
			d.broken[path] = true
		}
	}
}

// leaves walks over every scalar that v holds, with its path.
func leaves(path string, v reflect.Value, each func(path string, leaf reflect.Value)) {
	switch t := v.Type(); {
	case t.Kind() == reflect.Pointer:
		if !v.IsNil() {
			leaves(path, v.Elem(), each)
		}
	case isScalar(t):
		each(path, v)
	case t.Kind() == reflect.Slice:
		for i := range v.Len() {
			leaves(fmt.Sprintf("%s[%d]", path, i), v.Index(i), each)
		}
	case t.Kind() == reflect.Map:
		for _, key := range v.MapKeys() {
			leaves(join(path, key.String()), v.MapIndex(key), each)
		}
	case t.Kind() == reflect.Struct:
		for _, f := range fieldsOf(t) {
			leaves(join(path, f.name), v.FieldByIndex(f.index), each)
		}
	}
}
