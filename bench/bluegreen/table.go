package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// typical is the median from the command to its end: there to the first user on
// green, back to the answer, which comes when the order is in the journal.
type typical struct{ there, back time.Duration }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()*1000) }

func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	of = slices.Sorted(slices.Values(of))
	return of[len(of)/2]
}

// printRounds prints one row for each swap, and what was wrong is the error.
func printRounds(out io.Writer, o options, swaps []swap, all []answer) (t typical, err error) {
	failed, first := failures(all)
	streams, slows := 0, 0
	for _, a := range all {
		switch a.kind {
		case stream:
			streams++
		case slow:
			slows++
		case prediction:
		}
	}
	fmt.Fprintf(out, "%d predictions/s, %d swaps; %d requests in all (%d streams of 2 s, %d of 1 to 2 s), **%d failed**. Times in ms.\n\n", o.rate, len(swaps), len(all), streams, slows, failed)
	fmt.Fprint(out, "| round | swap | by | asked → idle colour checked | asked → first on the new colour | decided → first | first on new → last arrival at old | sent after first, answered by old | Headgate: decided → traffic off | requests | failed | streams / slow ones across | p99 before | p99 around |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	var wrong []error
	var there, back []time.Duration
	for _, s := range swaps {
		v, err := s.see(all)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		for _, why := range v.wrong() {
			wrong = append(wrong, fmt.Errorf("round %d, %s: %s", s.round, s.what, why))
		}
		own, checked := "–", "–"
		if s.checked > 0 {
			checked = ms(s.checked - s.asked)
		}
		if s.own > 0 {
			own = fmt.Sprintf("%.3f", s.own.Seconds()*1000)
		}
		fmt.Fprintf(out, "| %d | %s | %s | %s | %s | %s | %s | %d | %s | %d | %d | %d / %d | %s | %s |\n", s.round, names[s.from]+" → "+names[s.to], s.what, checked,
			ms(v.first-s.asked), ms(v.first-s.decided), ms(v.last-v.first), v.late, own, v.requests, v.failed, v.streams, v.slow, ms(v.before), ms(v.around))
		switch s.what {
		case "start":
			there = append(there, v.first-s.asked)
		case "rollback":
			back = append(back, s.answered-s.asked)
		}
	}
	if failed > 0 {
		wrong = append(wrong, fmt.Errorf("%d requests failed, the first: %w", failed, first))
	}
	t = typical{median(there), median(back)}
	_, err = fmt.Fprintln(out)
	return t, errors.Join(errors.Join(wrong...), err)
}

var names = map[string]string{blue: "blue", green: "green"}
