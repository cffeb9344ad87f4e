package main

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// narrowest is the width below which folding would do no good, in columns.
const narrowest = 40

// fold breaks lines that are wider than the terminal between words, and sets
// what is left below the column in which their text begins. Commands stay
// whole, to be copied.
func (w world) fold(text string) string {
	width := w.columns()
	if width < narrowest {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if ansi.StringWidth(line) <= width || strings.HasPrefix(strings.TrimSpace(ansi.Strip(line)), "headgate ") {
			b.WriteString(line + "\n")
			continue
		}
		foldLine(&b, line, width)
	}
	return b.String()
}

func foldLine(b *strings.Builder, line string, width int) {
	indent := strings.Repeat(" ", min(hanging(line), width/2))
	at, blanks := 0, "" // blanks wait: none stands at the end of a line
	for word := range strings.SplitSeq(line, " ") {
		wide := ansi.StringWidth(word)
		if at+len(blanks)+wide > width && at > len(indent) {
			b.WriteString("\n" + indent)
			at, blanks = len(indent), ""
		}
		b.WriteString(blanks + word)
		at, blanks = at+len(blanks)+wide, " "
	}
	b.WriteString("\n")
}

// hanging is the column in which a line's text begins: behind its label, when
// one stands in front of it.
func hanging(line string) int {
	line = ansi.Strip(line)
	start := len(line) - len(strings.TrimLeft(line, " "))
	if i := strings.LastIndex(line[:min(len(line), start+labelRoom)], "  "); i > start {
		return i + len("  ")
	}
	return start
}

// labelRoom is how far behind the beginning of a line a label may reach.
const labelRoom = 16
