package configs

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// place is where a field stands in the file.
type place struct {
	key   *yaml.Node // nil in lists and at the root
	value *yaml.Node
	text  expanded // of scalars
}

// places knows every field that the file holds, by its path.
type places struct {
	source   *source
	at       map[string]place
	problems []Problem
	secrets  map[string]string // what variables held, with their references

	// What is wrong in form, so that its consequences are not reported too.
	broken    map[string]bool // paths whose value could not be taken
	unknownIn map[string]bool // paths of mappings with unknown keys
	meant     map[string]bool // paths that such a key was probably meant for
}

func newPlaces(s *source) places {
	return places{source: s, at: map[string]place{}, secrets: map[string]string{}, broken: map[string]bool{}, unknownIn: map[string]bool{}, meant: map[string]bool{}}
}

// consequence says that path was reported, or cannot be right because of what was.
func (p *places) consequence(path string) bool {
	if p.meant[path] || (path != "" && p.unknownIn[path]) {
		return true
	}
	for {
		if p.broken[path] {
			return true
		}
		if path == "" {
			return false
		}
		path = around(path)
	}
}

// around cuts the last step of a path.
func around(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// report is what the packages' Validate calls, with paths from the policy's root.
func (p *places) report(path string, value any, wanted string) {
	if p.consequence(path) {
		return
	}
	at, ok := p.at[path]
	if !ok {
		// Nothing stands there: point at what it is missing from.
		node := p.parent(path)
		p.add(node, path, shownValue(value), wanted)
		return
	}
	if at.value.Kind != yaml.ScalarNode {
		node := at.value
		if at.key != nil {
			node = at.key
		}
		p.add(node, path, shownValue(value), wanted)
		return
	}
	node := *at.value
	if column, better, ok := p.condition(path, at); ok {
		node.Column, wanted = column, better
	}
	p.add(&node, path, p.shown(path, at, value), wanted)
}

// problemLimit is where a file stops being a policy with mistakes.
const problemLimit = 200

func (p *places) add(n *yaml.Node, path, value, wanted string) {
	if len(p.problems) >= problemLimit {
		return
	}
	p.problems = append(p.problems, Problem{
		File: p.source.name, Line: max(n.Line, 1), Column: max(n.Column, 1), Path: path, Value: value, Wanted: p.withoutSecrets(wanted),
	})
}

// parent is the nearest thing around path that the file holds.
func (p *places) parent(path string) *yaml.Node {
	for path != "" {
		path = around(path)
		if at, ok := p.at[path]; ok && path != "" {
			if at.key != nil {
				return at.key
			}
			return at.value
		}
	}
	return p.source.root
}

// shown is a scalar as an error may show it. A package that reports something
// else than what stands there has hidden something.
func (p *places) shown(path string, at place, value any) string {
	if len(at.text.from) > 0 {
		return withoutKeys(at.value.Value)
	}
	if s, ok := value.(string); ok && s != at.text.text {
		return shownValue(value)
	}
	if secretKey(path) {
		return "(hidden)"
	}
	return withoutKeys(at.value.Value)
}

// shownValue is a value that does not stand in the file as text.
func shownValue(value any) string {
	if value == nil {
		return ""
	}
	return withoutKeys(fmt.Sprint(value))
}

var secretWords = []string{"password", "token", "tokens", "secret", "sha256"}

// secretKey tells fields whose value no error repeats.
func secretKey(path string) bool {
	last := path[strings.LastIndexAny(path, ".[")+1:]
	for _, word := range secretWords {
		if last == word || strings.HasSuffix(last, "_"+word) {
			return true
		}
	}
	return false
}

var userinfo = regexp.MustCompile(`://[^/?#]*@`)

// withoutKeys cuts what often is a secret in a URL: user, password, query.
func withoutKeys(s string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	s = userinfo.ReplaceAllString(s, "://…@")
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s = s[:i] + "?…"
	}
	return s
}

// secretLength is the length from which a variable's value is looked for in
// other texts: shorter ones are words such as http, and no secrets.
const secretLength = 6

func (p *places) withoutSecrets(text string) string {
	for value, reference := range p.secrets {
		if len(value) >= secretLength {
			text = strings.ReplaceAll(text, value, reference)
		}
	}
	return text
}
