package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	missed, err := command(os.Stdout, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	if missed > 0 {
		fmt.Fprintf(os.Stderr, "error: %d shares may be above alpha\n", missed)
		os.Exit(1)
	}
}

func command(out io.Writer, args []string) (missed int, err error) {
	flags := flag.NewFlagSet("leaves", flag.ContinueOnError)
	runs := flags.Int("runs", 2000, "runs per row on the boundary; a fifth of it for the others")
	seed := flags.Uint64("seed", 1, "seed of all randomness")
	only := flags.String("only", "", "only the rows whose name contains this")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	p := &printer{out: out}
	missed = p.boundary(boundary(), *runs, *seed, *only)
	p.power(power(), max(1, *runs/5), *seed+1, *only)
	if p.err != nil {
		return missed, fmt.Errorf("print the table: %w", p.err)
	}
	return missed, nil
}
