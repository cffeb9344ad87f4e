package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
)

// tone is a meaning that a terminal shows as a colour.
type tone uint8

const (
	plain tone = iota
	strong
	faint
	good
	bad
	warning
)

var styles = map[tone]lipgloss.Style{
	plain:   lipgloss.NewStyle(),
	strong:  lipgloss.NewStyle().Bold(true),
	faint:   lipgloss.NewStyle().Faint(true),
	good:    lipgloss.NewStyle().Foreground(lipgloss.Green),
	bad:     lipgloss.NewStyle().Foreground(lipgloss.Red),
	warning: lipgloss.NewStyle().Foreground(lipgloss.Yellow),
}

// paint makes text safe to show and colours it on a terminal.
func (w world) paint(t tone, text string) string {
	text = clean(text)
	if !w.fancy || text == "" {
		return text
	}
	return styles[t].Render(text)
}

// print writes data to standard output.
func (w world) print(text string) error {
	if _, err := io.WriteString(w.out, text); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// grid lays out rows below their headings: boxed on a terminal, in plain
// columns for everything else. Cells come painted.
func (w world) grid(headings []string, rows [][]string) string {
	if w.fancy {
		t := table.New().Headers(headings...).Rows(rows...).Border(lipgloss.RoundedBorder()).
			BorderStyle(styles[faint]).
			StyleFunc(func(int, int) lipgloss.Style { return lipgloss.NewStyle().Padding(0, 1) })
		if width := w.columns(); width >= narrowest && lipgloss.Width(t.String()) > width {
			t = t.Width(width) // cells take more lines
		}
		return t.String() + "\n"
	}
	var b strings.Builder
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{headings}, rows...) {
		say(columns, "%s\n", strings.Join(row, "\t"))
	}
	_ = columns.Flush() // a Builder takes everything
	return b.String()
}

// bar shows a share of 0…1 as ten blocks.
func bar(share float64) string {
	const blocks = 10
	if math.IsNaN(share) {
		share = 0
	}
	full := int(math.Round(min(max(share, 0), 1) * blocks))
	return strings.Repeat("█", full) + strings.Repeat("░", blocks-full)
}
