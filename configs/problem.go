package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a policy file.
type Problem struct {
	File string
	// Line and Column are 1-based; columns count characters, not bytes.
	Line, Column int
	// Path names the field, such as models.churn-model.plan[2].canary.weight;
	// "" means the file as a whole.
	Path string
	// Value is what stands there, without secrets: what came out of ${NAME} is
	// shown as it was written, and a hidden value as (hidden). "" means that
	// nothing stands there.
	Value string
	// Wanted says what should stand there instead.
	Wanted string
}

// String is the problem in one line: FILE:LINE:COLUMN: PATH: "VALUE": wanted WHAT.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Path != "" {
		b.WriteString(printable(p.Path) + ": ")
	}
	if p.Value != "" {
		b.WriteString(quoted(p.Value) + ": ")
	}
	b.WriteString("wanted " + printable(p.Wanted))
	return b.String()
}

// Errors is everything that is wrong with a policy file, in the order of its
// lines. It is never empty.
type Errors struct {
	Problems []Problem
}

// Error gives one line for each problem.
func (e *Errors) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// collected orders the problems by where they stand, and says the same thing once.
func collected(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return &Errors{Problems: slices.Compact(problems)}
}

// valueLimit keeps a pasted certificate from filling the screen, in characters.
const valueLimit = 80

// quoted is a value in an error; (hidden) and the like stand for themselves.
func quoted(s string) string {
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		return printable(s)
	}
	if r := []rune(s); len(r) > valueLimit {
		s = string(r[:valueLimit]) + "…"
	}
	return strconv.Quote(s)
}

// printable keeps a problem in one line whatever the file's keys hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != ' ' && !strconv.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
