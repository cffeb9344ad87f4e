package configs

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// docs/policy.md is the reference: every key that a policy may have is in it.
func TestReferenceNamesEveryKey(t *testing.T) {
	data, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, code := range regexp.MustCompile("`[^`\n]+`").FindAllString(string(data), -1) {
		for _, word := range regexp.MustCompile(`[a-z_0-9]+`).FindAllString(code, -1) {
			words[word] = true
		}
	}
	keys := map[string]bool{}
	collectKeys(reflect.TypeFor[Policy](), keys)
	if len(keys) < 60 {
		t.Fatalf("found %d keys only", len(keys))
	}
	for key := range keys {
		if !words[key] {
			t.Errorf("docs/policy.md does not name the key %s", key)
		}
	}
}

func collectKeys(t reflect.Type, into map[string]bool) {
	switch {
	case isScalar(t):
	case t.Kind() == reflect.Struct:
		for _, f := range fieldsOf(t) {
			into[f.name] = true
			collectKeys(t.FieldByIndex(f.index).Type, into)
		}
	default:
		collectKeys(t.Elem(), into)
	}
}

func TestReferenceExampleLoads(t *testing.T) {
	data, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(data), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("no example")
	}
	if _, err := parse("policy.md", []byte(example), testEnvironment); err != nil {
		t.Error(err)
	}
}
