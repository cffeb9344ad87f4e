package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := kills(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	kills, parallel int
	line            int
	binary          string
	seed            uint64
	quick           bool
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("kills", flag.ContinueOnError)
	flags.IntVar(&o.kills, "kills", 200, "how many, half of them in the bake")
	flags.IntVar(&o.line, "mlflow", 2, "MLflow's line: 2 (stages) or 3 (aliases)")
	flags.IntVar(&o.parallel, "parallel", min(3, max(2, runtime.NumCPU())), "rollouts at the same time")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the plan and of random delays")
	flags.StringVar(&o.binary, "headgate", "bin/headgate", "binary under test; built when it is missing")
	flags.BoolVar(&o.quick, "quick", false, "one kill in each step")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.kills < 2 || o.parallel < 1 || (o.line != 2 && o.line != 3) || flags.NArg() > 0 {
		return o, errors.New("wanted --kills 2 or more, --parallel 1 or more, --mlflow 2 or 3, and nothing else")
	}
	return o, nil
}

// kills does the whole run: progress to talk, the report to out.
func kills(ctx context.Context, args []string, out, talk io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	r, err := newRig(ctx, talk, o.binary, mlflowtest.Line(o.line), o.parallel)
	if err != nil {
		return err
	}
	defer func() { r.close(err != nil && ctx.Err() == nil) }()
	found, err := r.calibrate(ctx)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(o.seed, 0))
	jobs := spread(o.kills, found, random)
	if o.quick {
		jobs = onePerStep(found, random)
	}
	began := time.Now()
	results := r.spend(ctx, r.workers, jobs)
	took := time.Since(began)
	var outages []*outage
	if ctx.Err() == nil {
		outages, err = r.outages(ctx)
	}
	printReport(out, o, results, outages, took)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if n := violations(results, outages); n > 0 && err == nil {
		err = fmt.Errorf("%d violations; logs and states are in %s", n, r.dir)
	}
	return err
}

// outages measures rollbacks without a registry, in both phases.
func (r *rig) outages(ctx context.Context) ([]*outage, error) {
	var out []*outage
	h := r.workers[0]
	for _, phase := range []string{inCanary, inBake} {
		for _, t := range []trouble{stopped(r.mlflow), late(h.relay)} {
			o, err := r.without(ctx, h, t, phase)
			if err != nil {
				return out, err
			}
			out = append(out, o)
		}
	}
	return out, nil
}

func (r *rig) without(ctx context.Context, h *headgate, t trouble, phase string) (*outage, error) {
	dir, model := r.place()
	o, err := rollBackWithout(ctx, h, r.book, t, phase, dir, model)
	if err != nil {
		return o, fmt.Errorf("%s in the %s: %w", t.name, phase, err)
	}
	r.say("%s, rollback in the %s: last candidate request %s after the decision, %s after the first failure; right %s after its return", t.name, phase, millis(o.DecidedOff), seconds(o.FailOff), seconds(o.Right))
	for _, v := range o.violations {
		r.say("        VIOLATION: %s", v)
	}
	return o, nil
}

func violations(results []result, outages []*outage) int {
	n := 0
	for _, r := range results {
		n += len(r.violations)
	}
	for _, o := range outages {
		n += len(o.violations)
	}
	return n
}

var serverNames = map[int]string{2: "MLflow 2.14.3, stages", 3: "MLflow 3.17.2, aliases"}

func printReport(w io.Writer, o options, results []result, outages []*outage, took time.Duration) {
	worst := time.Duration(0)
	for _, r := range results {
		worst = max(worst, r.offAfter)
	}
	fmt.Fprintf(w, "Made by `go run ./bench/kills --kills %d --mlflow %d --parallel %d --seed %d`: %s, SQLite, %d workers on %d cores, %d kills in %.0f s.\n\n",
		o.kills, o.line, o.parallel, o.seed, serverNames[o.line], o.parallel, runtime.NumCPU(), len(results), took.Seconds())
	printTable(w, results)
	fmt.Fprintf(w, "\nLast request at a candidate after the decision to take it back, over all kills: %s. Violations: %d.\n", millis(worst), violations(results, outages))
	if len(outages) > 0 {
		fmt.Fprintln(w)
		printOutages(w, outages)
	}
}
