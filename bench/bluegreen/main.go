package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/bench/internal/program"
)

func main() { program.Main(run) }

type options struct {
	headgate            string
	rate, rounds, kills int
	gradual             bool
	limit, settle       time.Duration
	seed                uint64
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bluegreen", flag.ContinueOnError)
	flags.StringVar(&o.headgate, "headgate", "", "the headgate `binary` (default: built from this tree)")
	flags.IntVar(&o.rate, "rate", 500, "predictions per second")
	flags.IntVar(&o.rounds, "rounds", 12, "switches there and back")
	flags.IntVar(&o.kills, "kills", 24, "kill -9 around a switch")
	flags.BoolVar(&o.gradual, "gradual", true, "a gradual move as well")
	flags.DurationVar(&o.limit, "limit", 300*time.Millisecond, "of the gate on the latency; a candidate that fails it takes half as long again")
	flags.DurationVar(&o.settle, "settle", 2200*time.Millisecond, "between two swaps; the default is longer than what is looked at beside one, and than a stream")
	flags.Uint64Var(&o.seed, "seed", 1, "of the moments of the kills")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.rate < 10 || o.rate > 2000 || o.rounds < 1 || o.kills < 0 || o.limit <= 0 || o.settle < 0 || flags.NArg() > 0 {
		return o, errors.New("wanted --rate 10 to 2000, --rounds above 0, --kills 0 or more, --limit above 0s, --settle 0s or more, and nothing else")
	}
	return o, nil
}

// run does it all: tables to out, progress to talk.
func run(ctx context.Context, args []string, out, talk io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "headgate-bluegreen-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder that stays does no harm
	if o.headgate, err = daemon.Built(ctx, o.headgate, dir); err != nil {
		return err
	}
	progress := func(text string) { fmt.Fprintln(talk, "blue-green:", text) }
	typical, err := showRounds(ctx, o, filepath.Join(dir, "rounds"), out, progress)
	if typical.there == 0 || typical.back == 0 {
		return errors.Join(err, errors.New("no swap there and back, so nothing else was tried"))
	}
	if o.gradual && ctx.Err() == nil {
		err = errors.Join(err, showGradual(ctx, o, filepath.Join(dir, "gradual"), out, progress))
	}
	if o.kills > 0 && ctx.Err() == nil {
		err = errors.Join(err, showKills(ctx, o, typical, filepath.Join(dir, "kills"), out, progress))
	}
	return err
}

// showRounds switches there and back under load, and returns how long each way
// typically takes from the command to the first user.
func showRounds(ctx context.Context, o options, dir string, out io.Writer, progress func(string)) (t typical, err error) {
	s, err := newScene(ctx, o.headgate, dir, "", o.limit)
	if err != nil {
		return t, err
	}
	defer s.close()
	l := startLoad(s.Traffic, o.rate, 0)
	swaps, err := s.rounds(ctx, o.rounds, o.settle, progress)
	all := l.end()
	if err == nil {
		err = errors.Join(s.End(), s.Intact(ctx))
	}
	if err != nil {
		return t, err
	}
	return printRounds(out, o, swaps, all)
}
