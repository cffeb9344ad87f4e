package main

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestFold(t *testing.T) {
	width := 40
	w := world{fancy: true, width: func() int { return width }}
	label := "  " + w.paint(faint, "next      ") + " "
	text := label + "step 2 of 4 after 24s more of the hold and a pass of the gates\n" +
		"             headgate rollback sample-model --reason TEXT\n" +
		"    a sentence without any label in front of it, and rather long\n" +
		"short\n"
	want := "  next       step 2 of 4 after 24s more\n" +
		"             of the hold and a pass of\n" +
		"             the gates\n" +
		"             headgate rollback sample-model --reason TEXT\n" +
		"    a sentence without any label in\n" +
		"    front of it, and rather long\n" +
		"short\n"
	if got := ansi.Strip(w.fold(text)); got != want {
		t.Errorf("got\n%s", got)
	}
	long := strings.Repeat("x", 100) + " y\n"
	if got, want := w.fold(long), strings.Repeat("x", 100)+"\ny\n"; got != want {
		t.Errorf("got %q", got)
	}
	width = 0
	if got := w.fold(text); got != text {
		t.Errorf("folded where nothing is known of the width: %q", got)
	}
	if got := (world{}).fold(text); got != text {
		t.Errorf("folded outside of a terminal: %q", got)
	}
}
