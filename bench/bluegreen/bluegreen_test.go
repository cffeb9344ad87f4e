package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestNoRequestFailsWhenColoursSwap is a short `make blue-green`: there, back by
// a command, there, back by a gate, and a kill either way. No word about times,
// which belong to a machine that does nothing else.
func TestNoRequestFailsWhenColoursSwap(t *testing.T) {
	var out, talk bytes.Buffer
	err := run(t.Context(), []string{"--rate", "100", "--rounds", "2", "--gradual=false", "--kills", "2", "--limit", "4s", "--settle", "1s"}, &out, &talk)
	t.Logf("\n%s", out.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, talk.String())
	}
	for _, row := range []string{"| 1 | blue → green | start |", "| 1 | green → blue | rollback |", "| 2 | blue → green | start |", "| 2 | green → blue | gate |", "| 1 | start | random |", "| 2 | rollback | random |"} {
		if !strings.Contains(out.String(), row) {
			t.Errorf("no row %q", row)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, bad := range [][]string{{"--rate", "1"}, {"--rounds", "0"}, {"--kills", "-1"}, {"--limit", "0s"}, {"more"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
