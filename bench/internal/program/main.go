// Package program is the main function that the benchmarks share.
package program

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main runs a benchmark with the command line's arguments, its result to
// standard output and its progress to standard error, until it ends or is told
// to. What it returns is said, and the exit code is 1.
func Main(run func(ctx context.Context, args []string, out, talk io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
