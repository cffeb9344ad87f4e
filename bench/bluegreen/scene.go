package main

import (
	"context"
	"os"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/admin/client"
)

// scene is a headgate between the two colours.
type scene struct {
	*daemon.Headgate
	blue, green *colour
	limit       time.Duration // of the gate on the latency
	known       bool          // the registry has been told the baseline
}

// newScene makes it and waits until users are served. gradual goes behind the
// check of the blue-green step; limit is the gate's.
func newScene(ctx context.Context, binary, dir, gradual string, limit time.Duration) (*scene, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	h, err := daemon.New(binary, dir, model)
	if err != nil {
		return nil, err
	}
	s := &scene{Headgate: h, blue: newColour(blue), green: newColour(green), limit: limit}
	if err = h.WritePolicy(policy(h, s.blue, s.green, gradual, limit)); err == nil {
		err = h.Serve(ctx)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close ends everything; what is worth an error was looked at before.
func (s *scene) close() {
	if s.Process != nil {
		s.Kill()
	}
	s.blue.Close()
	s.green.Close()
}

// start puts the green version on trial.
func (s *scene) start(ctx context.Context) error {
	c := client.Command{Kind: client.Start, Version: green, Again: s.known, Reason: "blue to green"}
	if !s.known {
		c.Baseline = blue
	}
	_, err := s.API.Order(ctx, model, c)
	s.known = s.known || err == nil
	return err
}

// back takes the green version back.
func (s *scene) back(ctx context.Context) error {
	_, err := s.API.Order(ctx, model, client.Command{Kind: client.Rollback, Reason: "green to blue"})
	return err
}

// switched waits until Headgate says that all users are on green.
func (s *scene) switched(ctx context.Context) (client.View, error) {
	return s.Await(ctx, "all users on green", daemon.Patience, onGreen)
}

func onGreen(v client.View) bool {
	return v.Phase == "progressing" && v.Weight.Ratio() == 1 && v.Step != nil && v.Step.Colour != nil && v.Step.Colour.Switched
}

// restored waits until the rollout is taken back.
func (s *scene) restored(ctx context.Context) (client.View, error) {
	return s.Await(ctx, "all users back on blue", daemon.Patience, func(v client.View) bool { return v.Phase == "rolled_back" && !v.Registry.Pending })
}

// onClock is a time of Headgate's on the clock of this program.
func onClock(t time.Time) time.Duration { return t.Sub(began) }
