package configs

import (
	"fmt"
	"strings"
)

// Text is the description for a terminal; it ends in a line break.
func (d Description) Text() string {
	var b strings.Builder
	for i, m := range d.Models {
		if i > 0 {
			b.WriteByte('\n')
		}
		m.text(&b)
	}
	return b.String()
}

func (m ModelDescription) text(b *strings.Builder) {
	fmt.Fprintf(b, "model %s (policy %.12s)\n", m.Model, m.PolicyHash)
	fmt.Fprintf(b, "  plan, %s at the least\n", about(m.PlannedS))
	for _, s := range m.Plan {
		fmt.Fprintf(b, "    %d. %-8s %s\n", s.Index+1, s.Kind, s.Sentence)
	}
	b.WriteString("  gates\n")
	for _, g := range m.Gates {
		fmt.Fprintf(b, "    - %s\n", g.Sentence)
		for _, n := range g.Needs {
			if n.Seconds != nil {
				fmt.Fprintf(b, "        step %d: about %s to show it for an equal candidate, hold %s\n", n.Step+1, about(*n.Seconds), about(n.HoldS))
			}
		}
	}
	section(b, "incidents go to", m.Incidents)
	section(b, "notes", m.Notes)
	section(b, "warnings", m.Warnings)
}

func section(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "  %s\n", title)
	for _, line := range lines {
		fmt.Fprintf(b, "    - %s\n", line)
	}
}
