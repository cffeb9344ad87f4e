package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/headgate/headgate/internal/judge"
)

// print writes the rows whose name contains only, each when it is done, and
// returns how many bars were missed. A table without such a row is left out.
func (t table) print(out io.Writer, l *lab, only string) (missed int, err error) {
	text := fmt.Sprintf("## %s\n\n%s\n\n%s", t.title, strings.TrimSpace(t.intro), t.head())
	for _, r := range t.rows {
		if !strings.Contains(r.of.name, only) {
			continue
		}
		for _, b := range r.bars {
			line, met, err := t.line(r, b, l)
			if err != nil {
				return missed, err
			}
			if !met {
				missed++
			}
			if _, err := io.WriteString(out, text+line); err != nil {
				return missed, fmt.Errorf("print the table: %w", err)
			}
			text = ""
		}
	}
	if text == "" {
		_, err = io.WriteString(out, "\n")
	}
	return missed, err
}

func (t table) head() string {
	columns := []string{"", "requests/s", "runs"}
	if t.floor {
		columns = append(columns, "floor")
	}
	columns = append(columns, "Headgate", "bar", "")
	if t.peers {
		for _, p := range peers() {
			columns = append(columns, p.name)
		}
	}
	return "| " + strings.Join(columns, " | ") + " |\n" + strings.Repeat("|---", len(columns)) + "|\n"
}

func (t table) line(r row, b bar, l *lab) (line string, met bool, err error) {
	out, err := l.outcomes(r.of, b.rate, t.peers)
	if err != nil {
		return "", false, err
	}
	w := r.of.world.at(b.rate)
	floor := w.floor(r.error())
	value, grace, text := tallyOf(out, 0).value(r.measure, floor, b.limit)
	met = b.limit == 0 || value <= b.limit+grace
	cells := []string{r.label(), fmt.Sprintf("%g", b.rate), fmt.Sprintf("%d", len(out))}
	if t.floor {
		cells = append(cells, r.floorText(floor))
	}
	cells = append(cells, text, r.limit(b), mark(value, b.limit, met))
	if t.peers {
		cells = append(cells, r.peers(out)...)
	}
	return "| " + strings.Join(cells, " | ") + " |\n", met, nil
}

func mark(value, limit float64, met bool) string {
	switch {
	case limit == 0:
		return ""
	case !met:
		return "**missed**"
	case value > limit:
		return "met within 2 s.e."
	}
	return "met"
}

// error is the probability that the row's verdict may be wrong with.
func (r row) error() float64 {
	if r.of.world.until == judge.Pass {
		return 0.05 // β
	}
	return float64(r.of.world.alpha)
}

func (r row) label() string {
	if r.measure == overFloor {
		return r.of.name + ": mean delay / floor"
	}
	return r.of.name
}

func (r row) floorText(floor float64) string {
	if floor == 0 || r.measure == share || r.measure == overFloor {
		return "–"
	}
	return clock(floor)
}

// peers are the cells of the other rules; a verdict that they do not have is a
// dash.
func (r row) peers(out []outcome) []string {
	var cells []string
	for i, p := range peers() {
		t := tallyOf(out, 1+i)
		switch {
		case r.of.world.until == judge.Pass, r.measure == overFloor, p.start(r.of.world.evidence()) == nil:
			cells = append(cells, "–")
		case r.measure == share:
			cells = append(cells, percent(t.share()))
		default:
			cells = append(cells, t.delayText())
		}
	}
	return cells
}

func (r row) limit(b bar) string {
	switch {
	case b.limit == 0:
		return "shown"
	case r.measure == share, r.measure == shareBound:
		return fmt.Sprintf("≤ %g %%", 100*b.limit)
	case r.measure == late:
		return fmt.Sprintf("95 %% ≤ %g", b.limit)
	}
	return fmt.Sprintf("≤ %g", b.limit)
}
