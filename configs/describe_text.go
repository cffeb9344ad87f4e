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
	widest := 8 // of most plans
	for _, s := range m.Plan {
		widest = max(widest, len(s.Kind))
	}
	for _, s := range m.Plan {
		fmt.Fprintf(b, "    %d. %-*s %s\n", s.Index+1, widest, s.Kind, s.Sentence)
	}
	b.WriteString("  gates\n")
	for _, g := range m.Gates {
		fmt.Fprintf(b, "    - %s\n", g.Sentence)
		if g.Unplanned != "" {
			fmt.Fprintf(b, "        how long it takes %s\n", g.Unplanned)
		}
		for _, n := range g.Needs {
			fmt.Fprintf(b, "        step %d: %s\n", n.Step+1, n.text)
			n.bases(b)
		}
	}
	for _, r := range m.Routes {
		section(b, "route "+r.Route, r.Sentences)
	}
	section(b, "on an alert, the first that fits", m.OnAlert)
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

// bases is the plan for several usual values, in one line.
func (n Need) bases(b *strings.Builder) {
	if len(n.Bases) == 0 {
		return
	}
	var cells []string
	for _, row := range n.Bases {
		text := "never"
		if row.Seconds != nil {
			text = about(*row.Seconds)
		}
		cells = append(cells, fmt.Sprintf("%g%% %s", row.Base*100, text))
	}
	fmt.Fprintf(b, "          that was for %g%% on both arms; to show it at %s (--base says what is usual)\n", n.Base*100, strings.Join(cells, ", "))
}
