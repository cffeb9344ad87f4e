package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// printKills prints one row for each kill, and what was wrong is the error.
func printKills(out io.Writer, kills []kill, all []answer) error {
	var wrong []error
	var sum aftermath
	var rows strings.Builder
	var firsts []time.Duration
	for i, k := range kills {
		a, why := k.look(all)
		for _, text := range why {
			wrong = append(wrong, fmt.Errorf("kill %d (%s, %s): %s", i+1, k.way, k.trigger, text))
		}
		says, left := k.found.says(), k.left[len(k.left)-1].says()
		answered := "no"
		if k.ordered {
			answered = "yes"
		}
		fmt.Fprintf(&rows, "| %d | %s | %s | %s | %s | %s | %s | %s | %s | %.0f | %d | %d |\n", i+1, k.way, k.trigger, ms(k.after), answered, names[k.before], says, strings.Join(a.sequence, " → "), left, a.first.Seconds()*1000, a.cut, a.nobody)
		sum.cut, sum.nobody, sum.other = sum.cut+a.cut, sum.nobody+a.nobody, sum.other+a.other
		firsts = append(firsts, a.first)
	}
	failed, _ := failures(all)
	if n := failed - sum.cut - sum.nobody - sum.other; n != 0 {
		wrong = append(wrong, fmt.Errorf("%d requests failed while nothing was killed", n))
	}
	fmt.Fprintf(out, "%d kills; %d requests in all: %d were under way at a kill and got no answer, %d came while nobody listened, **%d failed otherwise**; the first answer came %.0f ms after the restart (median). Times in ms.\n\n",
		len(kills), len(all), sum.cut, sum.nobody, failed-sum.cut-sum.nobody, median(firsts).Seconds()*1000)
	fmt.Fprint(out, "| kill | order | moment | after it | answered | users before | the journal's last record | users after the restart | the journal then | restart → first answer | under way | nobody listened |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	_, err := fmt.Fprintln(out, rows.String())
	return errors.Join(errors.Join(wrong...), err)
}

// says is the record in a few words.
func (l line) says() string {
	who, err := l.colour()
	if err != nil {
		return l.Kind + ": both"
	}
	return l.Kind + ": " + names[who]
}
