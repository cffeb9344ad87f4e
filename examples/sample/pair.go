package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// stopLimit is how long the command may take to end after SIGTERM; it drains.
const stopLimit = 40 * time.Second

// runPair serves both backends around a command.
func runPair(ctx context.Context, args []string, talk io.Writer) error {
	flags := flag.NewFlagSet("sample pair", flag.ContinueOnError)
	flags.SetOutput(talk)
	model := flags.String("model", "sample-model", "`name` in the health answers")
	production := flags.String("production", "127.0.0.1:8001", "`host:port`, version 1")
	staging := flags.String("staging", "127.0.0.1:8000", "`host:port`, version 2")
	through := flags.String("through", "http://127.0.0.1:8080", "`URL` of the proxy")
	rate := flags.Float64("rate", 50, "`requests` per second through the proxy, 0 for none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("the command is missing: sample pair [flags] -- headgate serve")
	}
	baseline := newBackend(*model, "Production", served{version: "1"})
	candidate := newBackend(*model, "Staging", served{version: "2"})
	// What a rollout promoted is what the candidate serves.
	baseline.reload = candidate.now.Load

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	// The backends outlive the command: it drains through them.
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	failed := make(chan error, 2)
	for address, b := range map[string]*backend{*production: baseline, *staging: candidate} {
		s, err := listenAt(address, b)
		if err != nil {
			stopServing()
			return err
		}
		fmt.Fprintf(talk, "sample: %s version %s on http://%s\n", b.stage, b.now.Load().version, s.address)
		all.Go(func() {
			if err := s.serve(serving); err != nil {
				failed <- err
				cancel()
			}
		})
	}
	if *rate > 0 {
		all.Go(func() { send(ctx, *through+"/predict", *rate, talk) })
	}
	err := command(ctx, flags.Args())
	select {
	case other := <-failed:
		return errors.Join(other, err)
	default:
		return err
	}
}

// command runs until it ends or ctx does. It has a process group of its own,
// so that Ctrl-C reaches it once, from here: a second signal would cut its
// draining short.
func command(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopLimit
	err := cmd.Run()
	if ctx.Err() != nil {
		var exit *exec.ExitError
		if err == nil || errors.Is(err, context.Canceled) || (errors.As(err, &exit) && exit.ExitCode() == 0) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}
