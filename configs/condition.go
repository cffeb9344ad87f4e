package configs

import (
	"errors"
	"strings"

	"github.com/headgate/headgate/internal/judge"
)

// condition points at the word inside a gate's condition that is not
// understood; ok is false when path is no condition or its grammar is not what
// is wrong.
func (p *places) condition(path string, at place) (column int, wanted string, ok bool) {
	if !strings.HasSuffix(path, ".require") && !strings.HasSuffix(path, ".rollback_when") {
		return 0, "", false
	}
	_, err := judge.ParseCondition(at.text.text)
	var syntax *judge.SyntaxError
	if !errors.As(err, &syntax) {
		return 0, "", false
	}
	if len(at.text.from) > 0 {
		// What was got may be a part of what a variable holds.
		return at.value.Column, syntax.Wanted, true
	}
	column, ok = p.source.columnOf(at.value, at.text.text, syntax.Column-1)
	if !ok {
		return 0, "", false
	}
	return column, syntax.Wanted + ", instead of " + syntax.Got, true
}
