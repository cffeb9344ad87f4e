package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

func main() {
	if os.Getenv(senderEnv) != "" {
		os.Exit(sendMain())
	}
	binary := flag.String("headgate", "", "the headgate binary (default: built from this tree)")
	alarm := flag.Bool("alarm", false, "the run with Prometheus, Alertmanager and MLflow in place of the storm")
	pairs := flag.Int("pairs", 5, "rounds of the storm, each with and without it")
	lasts := flag.Duration("for", 10*time.Second, "how long each half of a round lasts")
	rate := flag.Int("rate", 1000, "alerts a second, from two senders together")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *binary, *alarm, stormPlan{rounds: *pairs, lasts: *lasts, rate: *rate}); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, binary string, alarm bool, p stormPlan) error {
	dir, err := os.MkdirTemp("", "headgate-alerts-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder that stays does no harm
	if binary, err = daemon.Built(ctx, binary, dir); err != nil {
		return err
	}
	if alarm {
		times, err := soundAlarm(ctx, binary, dir, mlflowtest.Line2)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(out, times); err != nil {
			return err
		}
		return times.check()
	}
	result, err := storm(ctx, binary, dir, p)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(out, result.table(p)); err != nil {
		return err
	}
	return result.check()
}
