package main

import (
	"fmt"
	"strings"

	"github.com/headgate/headgate/internal/admin/client"
)

// next says what happens by itself, and what a person can do.
func (c *cli) next(b *strings.Builder, v client.View) {
	first, then := nextOf(v)
	label := c.label("next")
	if first != "" {
		say(b, "%s%s\n", label, clean(first))
		label = under
	}
	if then != "" {
		say(b, "%s%s\n", label, c.paint(faint, then))
	}
}

// nextOf has no first where the message of the phase says what is waited for, and
// is empty where nothing is to be done. Commands stand in lines of their own, to be copied.
func nextOf(v client.View) (first, then string) {
	switch string(v.Phase) {
	case "shadowing":
		return goesOn(v), "headgate shadow diff " + clean(v.Model) + "   # the answers side by side"
	case "progressing", "baking":
		return goesOn(v), fmt.Sprintf("headgate rollback %s --reason TEXT   # takes it back", clean(v.Model))
	case "paused":
		if string(v.Reason) == "operator" {
			return "stands still until somebody lets it go on", "headgate resume " + clean(v.Model)
		}
	}
	return "", ""
}

// goesOn says what the step waits for. A reload, a freeze and arms that do not swap
// yet are not to be seen in the step: there the message says it.
func goesOn(v client.View) string {
	s := v.Step
	if s == nil || string(v.Reason) == "reloading" {
		return ""
	}
	var waits []string
	if left := s.HoldS - s.HeldS; left > 0 {
		waits = append(waits, seconds(left)+" more of the hold")
	}
	if s.Windows > s.Shown {
		waits = append(waits, fmt.Sprintf("%d more windows", s.Windows-s.Shown))
	}
	if len(v.Gates) > 0 && string(v.Verdict) != "pass" {
		waits = append(waits, "a pass of the gates")
	}
	if len(waits) == 0 && v.Message != "" {
		return ""
	}
	what := fmt.Sprintf("step %d of %d", s.Index+2, s.Of)
	if s.Index+1 == s.Of {
		what = "the end of the plan"
	}
	if len(waits) == 0 {
		return what + " follows at once"
	}
	return what + " after " + strings.Join(waits, " and ")
}

// hold is how long a step has lasted, and for most kinds with which weight.
func hold(s client.StepView) string {
	if s.HoldS <= 0 {
		return ""
	}
	text := fmt.Sprintf(", held %s of %s %s", seconds(s.HeldS), seconds(s.HoldS), bar(s.HeldS/s.HoldS))
	if s.Kind == "shadow" { // nobody gets the candidate
		return text
	}
	return fmt.Sprintf(" %s%s", s.Weight, text)
}

// colour is how far a blue-green step has come.
func colour(s client.StepView) string {
	switch c := s.Colour; {
	case c == nil:
		return ""
	case c.Switched:
		return "the idle colour was checked, and users are moved to it"
	case c.Checked:
		return "the idle colour is ready"
	}
	return "the idle colour is being checked"
}
