package configs

import (
	"errors"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// sizeLimit is far above any policy, in bytes: whatever is larger is another file.
const sizeLimit = 1 << 20

// source is one file's text and its tree.
type source struct {
	name  string
	lines []string
	root  *yaml.Node
}

// readSource turns data into a tree. What is not one YAML document is a single
// problem: nothing after it can be trusted.
func readSource(name string, data []byte) (*source, *Problem) {
	s := &source{name: name, lines: strings.Split(string(data), "\n")}
	wrong := func(line, column int, wanted string) (*source, *Problem) {
		return nil, &Problem{File: name, Line: max(line, 1), Column: max(column, 1), Wanted: wanted}
	}
	if len(data) > sizeLimit {
		return wrong(1, 1, "a policy of at most 1 MiB")
	}
	if line, column, ok := unreadable(data); ok {
		return wrong(line, column, "YAML: text in UTF-8 without control characters")
	}
	var documents []yaml.Node
	err := yaml.Load(data, &documents, yaml.WithAllDocuments(), yaml.WithUniqueKeys(false))
	var at *yaml.LoadError
	switch {
	case errors.As(err, &at):
		return wrong(at.Mark.Line, at.Mark.Column, "YAML: "+said(at))
	case err != nil:
		return wrong(1, 1, "YAML: "+err.Error())
	case len(documents) == 0 || len(documents[0].Content) == 0:
		return wrong(1, 1, "a policy: a mapping with version, routes and models")
	case len(documents) > 1:
		return wrong(documents[1].Line, documents[1].Column, "one YAML document in the file")
	}
	s.root = documents[0].Content[0]
	return s, nil
}

func said(e *yaml.LoadError) string {
	if e.ContextMsg != "" {
		return e.Message + " " + e.ContextMsg
	}
	return e.Message
}

// unreadable finds the first character that YAML does not take; the parser
// finds it too, and does not say where.
func unreadable(data []byte) (line, column int, found bool) {
	line, column = 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1, r == 0x7f, r < ' ' && r != '\t' && r != '\n' && r != '\r':
			return line, column, true
		case r == '\n':
			line, column = line+1, 0
		}
		i, column = i+size, column+1
	}
	return 0, 0, false
}

// columnOf finds the column of the character at offset bytes of a scalar's
// text; false when the text does not stand in the file as it is, as with
// escapes and block scalars.
func (s *source) columnOf(n *yaml.Node, text string, offset int) (int, bool) {
	if n.Line < 1 || n.Line > len(s.lines) || offset < 0 || offset > len(text) {
		return 0, false
	}
	line := []rune(s.lines[n.Line-1])
	from := n.Column - 1
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		from++
	}
	if from < 0 || from > len(line) || !strings.HasPrefix(string(line[from:]), text) {
		return 0, false
	}
	return from + 1 + utf8.RuneCountInString(text[:offset]), true
}
