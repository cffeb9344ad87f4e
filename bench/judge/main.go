package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

// quickRuns is the number of runs per row of --quick.
const quickRuns = 200

func main() {
	missed, err := run(os.Stdout, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	if missed > 0 {
		fmt.Fprintf(os.Stderr, "error: %d bars missed\n", missed)
		os.Exit(1)
	}
}

func run(out io.Writer, args []string) (missed int, err error) {
	flags := flag.NewFlagSet("judge", flag.ContinueOnError)
	runs := flags.Int("runs", 0, "runs per row; 0: each row's own number")
	seed := flags.Uint64("seed", 1, "seed of all randomness")
	quick := flags.Bool("quick", false, fmt.Sprintf("only the promised rows, %d runs each", quickRuns))
	only := flags.String("only", "", "only the rows whose name contains this")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	if *quick && *runs == 0 {
		*runs = quickRuns
	}
	count := func(own int) int {
		if *runs > 0 {
			return *runs
		}
		return own
	}
	if _, err := io.WriteString(out, heading(*seed)); err != nil {
		return 0, fmt.Errorf("print the table: %w", err)
	}
	missed, err = print(out, "What is promised", promised(), *only, count, *seed)
	if err != nil || *quick {
		return missed, err
	}
	more, err := print(out, "The table", published(), *only, count, *seed+1)
	return missed + more, err
}

func heading(seed uint64) string {
	return fmt.Sprintf(`# The judge, simulated

Made by `+"`go run ./bench/judge --seed %d`"+`. Simulated rollouts: 10 %% weight, base error rate 0.5 %%, 2 h (4 h for SAFE), ten
minutes of baseline history, α = 5 %% and β = 5 %% unless a row says otherwise, restarts spread over 24 h as in production. Fail rows use
`+"`rollback_when: error_rate > baseline`"+`, or the margin they name. A share carries its one-sided 95 %% Clopper-Pearson bound; in the
first table the bound itself has to meet the bar, in the second a share or a mean may be two standard errors above. Behind a time, in
brackets, the median of the requests that failed on the candidate until then. The controller looks every 250 ms whether a stratum is due.
For latency, the delay is held against log-normal latencies of a shape that is our choice: at σ = 0.3 the bars (230, 28 and 4 s) are met, at σ = 0.4 those at 5 and 50
requests/s are not; both are shown.

`, seed)
}
