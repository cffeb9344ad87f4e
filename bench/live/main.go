package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/headgate/headgate/bench/internal/program"
	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/rollout"
)

func main() { program.Main(run) }

// run tries every fault, one after the other, and prints the table.
func run(ctx context.Context, args []string, out, talk io.Writer) (err error) {
	flags := flag.NewFlagSet("live", flag.ContinueOnError)
	headgate := flags.String("headgate", "bin/headgate", "binary under test")
	sample := flags.String("sample", "bin/sample", "binary of the stand-in backends")
	rate := flags.Int("rate", 500, "requests a second, both arms together")
	file := flags.String("out", "", "write the table to this `file` as well")
	only := flags.String("only", "", "try only the faults whose name holds this")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rate < 1 || *rate > 2000 {
		return fmt.Errorf("--rate %d: wanted 1 to 2000", *rate)
	}
	paths := []*string{headgate, sample}
	for _, p := range paths {
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	r, err := newRig(ctx, *headgate, *sample)
	if err != nil {
		return err
	}
	defer func() { r.stop(err != nil) }()
	u := newUsers(*rate, r.Traffic, r.Admin)
	asking, quiet := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); u.run(asking) }()
	defer func() { quiet(); <-done }()

	var rows []row
	for i, f := range faults() {
		if !strings.Contains(f.name, *only) {
			continue
		}
		fmt.Fprintf(talk, "live: %s …\n", f.name)
		row, err := try(ctx, r, u, f, strconv.Itoa(i+2))
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		fmt.Fprintf(talk, "live: %s: %s after %.1f s\n", f.name, row.outcome(), row.seconds)
		rows = append(rows, row)
	}
	text := fmt.Sprintf("%d requests a second, half of them to the candidate; %d sent in all, %d failed on the baseline's arm.\n\n%s", *rate, u.sent.Load(), u.failed.Load(), table(rows))
	fmt.Fprint(out, text)
	if *file != "" {
		err = os.WriteFile(*file, []byte(page+text), 0o644)
	}
	if u.failed.Load() > 0 {
		err = errors.Join(err, fmt.Errorf("%d requests failed on the baseline's arm", u.failed.Load()))
	}
	for _, row := range rows {
		if !row.right() {
			err = errors.Join(err, fmt.Errorf("%s: taken back by %q, wanted %q: %s", row.fault.name, row.gate, row.fault.gate, row.why))
		}
	}
	return err
}

// try takes one candidate on trial until it is taken back, or its time is over.
func try(ctx context.Context, r *rig, u *users, f fault, version string) (row, error) {
	u.ctr(f.ctr)
	if err := r.become(ctx, version, f.knobs); err != nil {
		return row{}, err
	}
	order := client.Command{Kind: rollout.Start, Version: version}
	if v, err := r.API.Rollout(ctx, "live"); err != nil {
		return row{}, err
	} else if v.Phase == rollout.None {
		order.Baseline = "1"
	}
	v, err := r.API.Order(ctx, "live", order)
	if err != nil {
		return row{}, err
	}
	began := time.Now()
	out := row{fault: f}
	for end := began.Add(f.limit); time.Now().Before(end) && v.Phase.Live(); {
		if !rollout.Sleep(ctx, 100*time.Millisecond) {
			return row{}, ctx.Err()
		}
		if v, err = r.API.Rollout(ctx, "live"); err != nil {
			return row{}, err
		}
	}
	out.seconds = time.Since(began).Seconds()
	out.read(v)
	if v.Phase.Live() {
		if _, err := r.API.Order(ctx, "live", client.Command{Kind: rollout.Rollback, Reason: "the trial is over"}); err != nil {
			return row{}, err
		}
	}
	id := v.ID
	v, err = r.Await(ctx, "the rollback is over", 20*time.Second, func(v client.View) bool { return v.Phase == rollout.RolledBack })
	if err != nil || f.gate == "" {
		return out, err
	}
	in, err := r.incident(id)
	if err != nil {
		return row{}, err
	}
	return out, out.explain(v, in)
}
