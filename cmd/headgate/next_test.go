package main

import (
	"strings"
	"testing"
)

// What is waited for is said once, by the message or by what comes next, and the
// command to act with always.
func TestNextSaysNothingThatTheMessageContradicts(t *testing.T) {
	baking := view(t, "baking")
	over := strings.NewReplacer(`"held_s":6.2`, `"held_s":15`, `"version":"3"},"verdict":"inconclusive"`, `"version":"3"},"verdict":"pass"`).Replace(baking)
	for name, c := range map[string]struct{ view, fields, want string }{
		"about to end":    {over, ``, "next       the end of the plan follows at once\n             headgate rollback"},
		"arms wait":       {over, `"message":"the arms do not swap yet: the candidate's breaker is open",`, "next       headgate rollback"},
		"frozen":          {over, `"message":"the end of the bake is due and waits: frozen until 2026-01-05T06:00:00Z",`, "next       headgate rollback"},
		"reloading":       {baking, `"reason":"reloading","message":"waiting for the baseline's upstreams to serve version 3",`, "next       headgate rollback"},
		"a window behind": {baking, `"message":"window 1 of 3 shown",`, "next       the end of the plan after 8.8s more of the hold and a pass"},
	} {
		body := strings.Replace(c.view, `"generation"`, c.fields+`"generation"`, 1)
		got := against(t, answering(200, "application/json", body), nil, false, "status", "m")
		if got.code != 0 || !strings.Contains(got.out, "\n  "+c.want) || strings.Count(got.out, "headgate rollback") != 1 {
			t.Errorf("%s: %s%s", name, got.out, got.err)
		}
	}
}
