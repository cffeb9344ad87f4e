package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

// drillPoll is how often a drill under way is looked at.
const drillPoll = 100 * time.Millisecond

func (c *cli) drillCommand() *cobra.Command {
	o := client.DrillOrder{}
	var last bool
	var in string
	cmd := &cobra.Command{
		Use:   "drill MODEL",
		Short: "Practise a rollback, and measure it",
		Long: `Practises a rollback of the model from end to end, and no user is touched by it:
on a proxy of its own with stand-in backends and made-up users on loopback, and
on a model of its own in the registry (headgate-drill-MODEL), with the same
controller, journal, registry and incidents that a real one takes. Measured are
the time to the decision, to the traffic being off, to the registry being right
and to the incident.

The result is kept in the journal; a policy with drill: {…} refuses to start a
rollout without one that kept the limits. Refused (exit 3) while a rollout of the
model, or another drill, is under way. Exit code 2 when a limit was missed.`,
		Example: `  headgate drill churn-model
  headgate drill churn-model --in bake    # after the promotion: the registry has to turn back
  headgate drill churn-model --last       # only show the last one`,
		Args: oneArg("model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.In = client.Moment(in)
			if !slices.Contains([]client.Moment{client.InCanary, client.InBake}, o.In) {
				return withHint("see `"+cmd.CommandPath()+" --help`", "--in is %q: wanted canary or bake", in)
			}
			if last {
				return c.lastDrill(cmd.Context(), args[0])
			}
			return c.drill(cmd.Context(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&in, "in", string(client.InCanary), "`STEP` in which the candidate turns bad: canary or bake")
	f.BoolVar(&o.Tell, "tell", false, "send the incident to the model's webhooks too")
	f.BoolVar(&last, "last", false, "hold no drill, show the last one")
	reasonFlag(cmd, &o.Reason)
	return c.withJSON(cmd)
}

// drill begins one and follows it to its end.
func (c *cli) drill(ctx context.Context, model string, o client.DrillOrder) error {
	server, err := c.server()
	if err != nil {
		return err
	}
	s, err := server.StartDrill(ctx, model, o)
	if err != nil {
		return err
	}
	if s.Running == nil {
		return errors.New("the server began no drill")
	}
	id, said := s.Running.ID, 0
	for ; s.Running != nil && s.Running.ID == id; s, err = server.Drill(ctx, model) {
		if err != nil {
			return err
		}
		for _, line := range s.Running.Progress[said:] {
			say(c.err, "%6.2fs  %s\n", time.Since(s.Running.BeganAt).Seconds(), clean(line))
		}
		said = len(s.Running.Progress)
		select {
		case <-ctx.Done():
			return withHint("headgate drill "+model+" --last shows its result", "interrupted; the drill goes on: %w", ctx.Err())
		case <-time.After(drillPoll):
		}
	}
	if err != nil {
		return err
	}
	if s.Last == nil || s.Last.ID != id {
		return withHint("headgate drill "+model, "the server did not hold the drill to its end")
	}
	return c.showDrill(s)
}

func (c *cli) lastDrill(ctx context.Context, model string) error {
	server, err := c.server()
	if err != nil {
		return err
	}
	s, err := server.Drill(ctx, model)
	if err != nil {
		return err
	}
	if s.Last == nil {
		if c.json {
			return c.printJSON(s)
		}
		return c.print("no drill of " + clean(model) + " is recorded\n")
	}
	return c.showDrill(s)
}

// showDrill prints a drill that has ended; the exit code is its result.
func (c *cli) showDrill(s client.Drills) error {
	r := *s.Last
	var err error
	if c.json {
		err = c.printJSON(s)
	} else {
		err = c.print(c.drillText(s))
	}
	switch {
	case err != nil:
		return err
	case r.Result == client.DrillMissed:
		return errMissed
	case r.Result == client.DrillFailed:
		return &client.Refusal{Code: r.Code, Message: "the drill failed: " + r.Problem, Hint: r.Hint}
	}
	return nil
}

func (c *cli) drillText(s client.Drills) string {
	r := *s.Last
	var b strings.Builder
	say(&b, "%s  %s, %s registry, by %s, %s\n", c.paint(strong, "drill of "+r.Model), clean(string(r.In)), clean(r.Mode), clean(r.By), r.EndedAt.Local().Format("2006-01-02 15:04:05"))
	b.WriteString(c.grid([]string{"measured", "took", "limit"}, [][]string{
		{"first failed answer → decision", took(r.Times.Detection), "-"},
		{"decision → traffic off", took(r.Times.TrafficOff), seconds(r.Limits.TrafficOff)},
		{"decision → registry right, read back", took(r.Times.Registry), seconds(r.Limits.Registry)},
		{"decision → incident written", took(r.Times.Incident), "-"},
	}))
	if r.Decided != "" {
		say(&b, "decided by %s\n", clean(r.Decided))
	}
	say(&b, "%d made-up requests, %d failed; %d after the traffic was off, %d of them failed\n", r.Traffic.Requests, r.Traffic.Failed, r.Traffic.After, r.Traffic.FailedAfter)
	if r.Registry != "" {
		say(&b, "registry %s: %s\n", clean(r.Scratch), clean(r.Registry))
	}
	say(&b, "baseline serves version %s: %s%s\n", clean(orDash(r.Baseline.Version)), clean(string(r.Baseline.Serves)), note(r.Baseline.Why))
	for _, m := range r.Misses {
		say(&b, "%s %s\n", c.paint(bad, "missed:"), clean(m))
	}
	t := good
	if r.Result != client.DrillMet {
		t = bad
	}
	say(&b, "result: %s%s\n", c.paint(t, string(r.Result)), c.asked(s))
	return b.String()
}

// asked says what the policy makes of it.
func (c *cli) asked(s client.Drills) string {
	switch {
	case s.Required == nil:
		return "; the policy asks for no drill"
	case s.Verified:
		return fmt.Sprintf("; rollback plan verified for %s from then on", time.Duration(s.Required.MaxAge*float64(time.Second)))
	}
	return "; rollback plan not verified: " + clean(s.Why)
}

func took(s *float64) string {
	if s == nil {
		return "not reached"
	}
	return (time.Duration(*s * float64(time.Second))).String()
}

func note(why string) string {
	if why == "" {
		return ""
	}
	return " (" + clean(why) + ")"
}
