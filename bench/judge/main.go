package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"
)

// quickRuns is the number of runs per row of --quick: enough for the bound of a
// healthy row to lie below its bar.
const quickRuns = 500

func main() {
	debug.SetGCPercent(800) // little is kept, much is made: memory is cheaper than collecting
	missed, err := run(os.Stdout, os.Stderr, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	if missed > 0 {
		fmt.Fprintf(os.Stderr, "error: %d bars missed\n", missed)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	runs  int
	seed  uint64
	quick bool
	only  string
	out   string
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("judge", flag.ContinueOnError)
	flags.IntVar(&o.runs, "runs", 0, "runs per row; 0: each row's own number")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of all randomness")
	flags.BoolVar(&o.quick, "quick", false, fmt.Sprintf("only the promised rows, %d runs each", quickRuns))
	flags.StringVar(&o.only, "only", "", "only the rows whose name contains this")
	flags.StringVar(&o.out, "out", "", "folder to write judge.md and the plots into; empty: the text on standard output, no plots")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.runs < 0 || flags.NArg() > 0 {
		return o, fmt.Errorf("--runs %d %v: wanted no arguments and 0 runs or more", o.runs, flags.Args())
	}
	if o.out != "" && (o.only != "" || o.quick) {
		return o, errors.New("--out with --only or --quick: wanted the whole text, so that no part of it replaces it")
	}
	if o.quick && o.runs == 0 {
		o.runs = quickRuns
	}
	return o, nil
}

func run(stdout, stderr io.Writer, args []string) (missed int, err error) {
	o, err := parse(args)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	l := &lab{seed: o.seed, runs: o.runs, done: map[key][]outcome{}, progress: func(format string, args ...any) {
		fmt.Fprintf(stderr, "%6.0f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}}
	if o.out != "" {
		return publish(l, o)
	}
	return report(stdout, l, o)
}

// report writes the whole text and returns how many bars were missed.
func report(out io.Writer, l *lab, o options) (missed int, err error) {
	parts := append([]table{promised()}, tables()...)
	if o.quick {
		parts = parts[:1]
	}
	if _, err := io.WriteString(out, heading+made(o)); err != nil {
		return 0, fmt.Errorf("print the heading: %w", err)
	}
	for i, t := range parts {
		more, err := t.print(out, l, o.only)
		if err != nil {
			return missed, err
		}
		missed += more
		if i == 0 && o.out != "" {
			_, err = io.WriteString(out, pictures)
		}
		if err != nil {
			return missed, fmt.Errorf("print the text: %w", err)
		}
	}
	if _, err := io.WriteString(out, ending); err != nil {
		return missed, fmt.Errorf("print the text: %w", err)
	}
	return missed, nil
}
