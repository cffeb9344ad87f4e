package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// row of the table: one kill point in one phase.
type row struct {
	step    step
	moment  moment // -1 for watched events
	phase   string
	results []result
}

func rowsOf(results []result) []*row {
	rows := map[string]*row{}
	for _, r := range results {
		m := r.job.point.moment
		if r.job.point.call == 0 {
			m = -1
		}
		key := fmt.Sprint(r.job.point.step, m, r.job.phase)
		if rows[key] == nil {
			rows[key] = &row{step: r.job.point.step, moment: m, phase: r.job.phase}
		}
		rows[key].results = append(rows[key].results, r)
	}
	var out []*row
	for _, r := range rows {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.moment, b.moment), -cmp.Compare(a.phase, b.phase))
	})
	return out
}

// printTable writes the results as Markdown.
func printTable(w io.Writer, results []result) {
	fmt.Fprintln(w, "| kill -9 | rollback in | kills | order durable | judge, stored evidence | judge, weight regained | operator | registry right | one incident | candidate requests before the verdict | registry right after the restart: median | max |")
	fmt.Fprintln(w, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, r := range rowsOf(results) {
		name := r.step.String()
		if r.moment >= 0 {
			name += ", " + r.moment.String()
		}
		printRow(w, name, r.phase, r.results)
	}
	for _, phase := range []string{inCanary, inBake} {
		of := slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.job.phase != phase })
		printRow(w, "**all**", phase, of)
	}
	printRow(w, "**all**", "both", results)
}

func printRow(w io.Writer, name, phase string, results []result) {
	if len(results) == 0 {
		return
	}
	ends := map[ending]int{}
	right, single, early := 0, 0, 0
	var took []time.Duration
	for _, r := range results {
		ends[r.ending]++
		early += r.early
		if r.right {
			right++
		}
		if r.incidents == 1 {
			single++
		}
		took = append(took, r.rightAfter)
	}
	slices.Sort(took)
	fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %s | %s |\n", name, phase, len(results),
		ends[durable], ends[judged], ends[judgedNew], ends[byOperator], right, single, early, seconds((took[(len(took)-1)/2]+took[len(took)/2])/2), seconds(took[len(took)-1]))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
