package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever the file holds: no panic, and every problem has a place in the file
// and one line.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.yaml", "testdata/broken/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	for _, text := range []string{
		"", "# nothing", "a: &x [*x]", "a: *x", "<<: {a: 1}", "? [a]\n: 1", "- 1\n---\n- 2", "version: !!int 1", "version: ~",
		"routes: &r [{name: a}]\nmodels: {a: *r}", "\xff", "a: \x00", "\"a\\nb\": 1", "models: {\"a\\nb.c[0]\": {plan: [{}]}}",
		"a: &a [1,1]\nb: &b [*a,*a]\nmodels: {m: {plan: [*b,*b]}}", "version: 99999999999999999999", "state: {dir: \"${HOME\"}",
		"models: {m: {gates: [{require: |\n  error_rate\n  < 1}]}}", "traffic: {routes: []}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parse("fuzz.yaml", data, testEnvironment)
		if err == nil {
			for name := range p.Models {
				if p.Hash(name) == "" {
					t.Errorf("no hash for %q", name)
				}
			}
			return
		}
		var problems *Errors
		if !errors.As(err, &problems) || len(problems.Problems) == 0 {
			t.Fatalf("got %v, want problems", err)
		}
		lines := 2 // the parser counts the end of a last, empty line
		for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} {
			lines += strings.Count(string(data), end)
		}
		for _, q := range problems.Problems {
			if q.Line < 1 || q.Column < 1 || q.Line > lines || q.Wanted == "" || strings.ContainsAny(q.String(), "\n\r") {
				t.Errorf("%q in %d lines: %+v", q.String(), lines, q)
			}
		}
	})
}
