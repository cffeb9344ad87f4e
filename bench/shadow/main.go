package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/bench/internal/program"
)

func main() { program.Main(run) }

// run is this program, or one of its own children.
func run(ctx context.Context, args []string, out, talk io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "backend":
			return runBackend(ctx, args[1:], talk)
		case "proxy":
			return runProxy(ctx, args[1:], talk)
		}
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	return faults(ctx, o, out, talk)
}

type options struct {
	headgate, policy, order string
	rate                    int
	seconds, slice          float64
	pairs                   int
	think, timeout          time.Duration
	only                    []condition
	memory                  int64 // MiB more than without a mirror
	ratio                   float64
}

func parse(args []string) (options, error) {
	var o options
	var only string
	flags := flag.NewFlagSet("shadow", flag.ContinueOnError)
	flags.StringVar(&o.headgate, "headgate", "", "binary under test; none: a small proxy of this program")
	flags.StringVar(&o.policy, "policy", "", "template of its policy")
	flags.StringVar(&o.order, "order", "", "a command that is given to the binary when it serves, such as start")
	flags.IntVar(&o.rate, "rate", 500, "requests per second")
	flags.Float64Var(&o.seconds, "seconds", 12, "of each turn")
	flags.Float64Var(&o.slice, "slice", 0.5, "seconds after which the other process has its turn")
	flags.IntVar(&o.pairs, "pairs", 5, "of turns with and without the mirror")
	flags.DurationVar(&o.think, "think", 5*time.Millisecond, "time that the stand-in backends take")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Second, "of the copies, in the small proxy")
	flags.StringVar(&only, "only", "", "conditions, separated by commas; none: all")
	flags.Int64Var(&o.memory, "memory", 192, "MiB that the process with the mirror may take beyond the one without")
	flags.Float64Var(&o.ratio, "ratio", 1.05, "largest median of p99 with the mirror ÷ p99 without")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.only, err = parseConditions(only); err != nil {
		return o, err
	}
	if o.rate < 1 || o.seconds <= 0 || o.slice <= 0 || o.pairs < 1 || flags.NArg() > 0 || (o.headgate == "") != (o.policy == "") {
		return o, errors.New("wanted --rate, --seconds and --pairs above 0, --headgate together with --policy, and nothing else")
	}
	return o, nil
}

// condition is what the shadow does.
type condition string

const (
	healthy condition = "healthy"
	hung    condition = "hung"
	dead    condition = "dead"
	slow    condition = "slow"    // ten times
	big     condition = "big"     // 10 MB, and says so
	chunked condition = "chunked" // 10 MB without a length
)

var conditions = []condition{healthy, hung, dead, slow, big, chunked}

func parseConditions(text string) ([]condition, error) {
	if text == "" {
		return conditions, nil
	}
	var out []condition
	for name := range strings.SplitSeq(text, ",") {
		if !slices.Contains(conditions, condition(name)) {
			return nil, fmt.Errorf("condition %q: wanted one of %v", name, conditions)
		}
		out = append(out, condition(name))
	}
	return out, nil
}

// faults does the whole run: progress to talk, the table to out.
func faults(ctx context.Context, o options, out, talk io.Writer) error {
	dir, err := os.MkdirTemp("", "headgate-shadow-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what was written there is of no more use
	printHead(out, o)
	var failed []string
	for _, c := range o.only {
		r, err := try(ctx, o, c, dir, talk)
		if err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		printRow(out, r)
		for _, why := range r.wrong(o) {
			failed = append(failed, fmt.Sprintf("%s: %s", c, why))
		}
	}
	if len(failed) > 0 {
		return errors.New(strings.Join(failed, "; "))
	}
	return nil
}

// result is what one condition has come to.
type result struct {
	condition       condition
	without, with   []turn
	books           books
	memory, peak    int64         // of the processes without and with the mirror, in KiB, at their largest
	cpu, cpuWith    time.Duration // of both, per request
	ratio, p50Ratio float64
}

// try measures one condition.
func try(ctx context.Context, o options, c condition, dir string, talk io.Writer) (r result, err error) {
	s, err := newScene(ctx, o, c, dir)
	if err != nil {
		return r, err
	}
	defer s.stop()
	r.condition = c
	for _, p := range []*gate{s.without, s.with} { // connections and buffers are made
		if _, err := p.users.load(ctx, o.rate, 1); err != nil {
			return r, err
		}
	}
	before, beforeWith := s.without.cpu(), s.with.cpu()
	for pair := range o.pairs {
		without, with, err := s.pair(ctx, o, pair)
		if err != nil {
			return r, err
		}
		r.without, r.with = append(r.without, without), append(r.with, with)
		fmt.Fprintf(talk, "%s %d/%d: p99 %s without, %s with\n", c, pair+1, o.pairs, short(without.p99), short(with.p99))
	}
	if r.books, err = s.with.settle(ctx); err != nil {
		return r, err
	}
	r.ratio = medianRatio(r.without, r.with, func(t turn) time.Duration { return t.p99 })
	r.p50Ratio = medianRatio(r.without, r.with, func(t turn) time.Duration { return t.p50 })
	requests := 0
	for _, t := range r.with {
		requests += t.requests
	}
	r.cpu, r.cpuWith = (s.without.cpu()-before)/time.Duration(requests), (s.with.cpu()-beforeWith)/time.Duration(requests)
	r.memory, r.peak = s.without.peak(), s.with.peak()
	return r, nil
}

// pair is one turn of each process, in slices that alternate, so that what else
// happens on the machine falls on both.
func (s *scene) pair(ctx context.Context, o options, number int) (without, with turn, err error) {
	pieces := max(1, int(o.seconds/o.slice+0.5))
	for i := range pieces {
		order := []*gate{s.without, s.with}
		if (number+i)%2 == 1 {
			order[0], order[1] = order[1], order[0]
		}
		for _, g := range order {
			t, err := g.users.load(ctx, o.rate, o.seconds/float64(pieces))
			if err != nil {
				return without, with, err
			}
			if g == s.with {
				with.add(t)
			} else {
				without.add(t)
			}
		}
	}
	return without.done(), with.done(), nil
}
