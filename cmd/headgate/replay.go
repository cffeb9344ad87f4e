package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/app"
	"github.com/headgate/headgate/internal/replay"
)

// replayFlags are the flags of the command.
type replayFlags struct {
	policy, state, from, to string
	recorded, check         bool
}

func (c *cli) replayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay FILE [MODEL]",
		Short: "Try a policy on recorded rollouts",
		Long: `Feeds the counters of recorded rollouts to the gates of a policy and says, step
by step, what it would have decided beside what was decided.

FILE is the policy; --policy FILE says the same, and then the first argument is
the model. With --recorded each rollout is replayed under the policy that it was
recorded under: the same decisions on the same evidence to the last bit.

Recordings come from the running server (role viewer), live rollouts included;
with --state DIR, or when no server runs, from the archives in the policy's state
directory, where only rollouts are that have ended.

The strata were counted at the weights of the recorded plan. From where the
policy would have decided otherwise the record is of another weight, and the
table says so (~).

Exit code 0; with --check 1 when anything is not the same.`,
		Example: `  headgate replay stricter.yaml
  headgate replay --policy stricter.yaml --from 2026-03-01 --to 2026-03-31 churn-model
  headgate replay --recorded --check --state ./data`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return c.replay(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "policy `FILE` to try")
	flags.BoolVar(&f.recorded, "recorded", false, "try the policy that each rollout was recorded under")
	flags.StringVar(&f.state, "state", "", "read the archives in this state `DIRECTORY`")
	flags.StringVar(&f.from, "from", "", "rollouts that started at this `TIME` or later: 2026-03-01, 2026-03-01T12:00:00Z or 48h ago as 48h")
	flags.StringVar(&f.to, "to", "", "rollouts that started at this `TIME` or earlier")
	flags.BoolVar(&f.check, "check", false, "exit 1 when a decision is not the same")
	cmd.MarkFlagsMutuallyExclusive("policy", "recorded")
	return c.withJSON(cmd)
}

// replayed is one recording with what came of it.
type replayed struct {
	Recording client.Recording `json:"recording"`
	Report    *replay.Report   `json:"report,omitempty"`
	// Error says why it could not be replayed; "" = it was.
	Error string `json:"error,omitempty"`
}

func (c *cli) replay(ctx context.Context, f replayFlags, args []string) error {
	file, model, err := f.arguments(args)
	if err != nil {
		return err
	}
	var policy *configs.Policy
	if file != "" {
		if policy, err = configs.Load(file); err != nil {
			return c.policyError(err)
		}
		if _, ok := policy.Models[model]; model != "" && !ok {
			return &client.Refusal{Code: client.UnknownModel, Message: fmt.Sprintf("%s names no model %q", file, model), Hint: "name a model of that policy, or none for all"}
		}
	}
	o := client.RecordingsOf{Model: model}
	if o.From, err = c.moment("--from", f.from, false); err != nil {
		return err
	}
	if o.To, err = c.moment("--to", f.to, true); err != nil {
		return err
	}
	shelf, list, err := c.shelf(ctx, f.state, policy, o)
	if err != nil {
		return err
	}
	return c.tryAll(ctx, shelf, list, policy, f.check)
}

// arguments tells the two spellings apart.
func (f replayFlags) arguments(args []string) (file, model string, err error) {
	if f.policy != "" || f.recorded {
		if len(args) > 1 {
			return "", "", withHint("the policy is named already: the argument is the model", "at most one argument is wanted, got %d", len(args))
		}
		args = append([]string{f.policy}, args...)
	}
	if len(args) == 0 {
		return "", "", withHint("headgate replay policy.yaml, or --recorded for the policies of the time", "which policy is to be tried?")
	}
	if len(args) == 2 {
		model = args[1]
	}
	return args[0], model, nil
}

// moment reads a point in time; a day alone is its beginning, or its end.
func (c *cli) moment(flag, text string, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, c.zone); err == nil {
		if end {
			t = t.AddDate(0, 0, 1).Add(-time.Nanosecond)
		}
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return c.now().Add(-d), nil
	}
	return time.Time{}, withHint("such as 2026-03-01, 2026-03-01T12:00:00Z or 48h", "%s has to be a point in time, got %q", flag, text)
}

// shelf is where recordings are read from.
type shelf func(ctx context.Context, model, id string) (io.ReadCloser, error)

// shelf asks the running server, or looks into a state directory.
func (c *cli) shelf(ctx context.Context, dir string, policy *configs.Policy, o client.RecordingsOf) (shelf, []client.Recording, error) {
	if dir == "" {
		server, err := c.server()
		if err != nil {
			return nil, nil, err
		}
		list, err := server.Recordings(ctx, o)
		var r *client.Refusal
		if !errors.As(err, &r) || r.Code != client.Unreachable || policy == nil {
			return server.Recording, list, err
		}
		dir = policy.State.Dir
		say(c.err, "note: %s; reading the archives in %s\n", clean(r.Message), clean(dir))
	}
	list, err := app.ArchivedRecordings(dir, o)
	return func(_ context.Context, model, id string) (io.ReadCloser, error) {
		return app.ArchivedRecording(dir, model, id)
	}, list, err
}

// tryAll replays one recording after the other.
func (c *cli) tryAll(ctx context.Context, from shelf, list []client.Recording, policy *configs.Policy, check bool) error {
	all := []replayed{}
	differs, failed := false, false
	for _, one := range list {
		r := replayed{Recording: one}
		if policy != nil {
			if _, ok := policy.Models[one.Model]; !ok && one.Damaged == "" {
				continue // the policy is not about it
			}
		}
		report, err := c.try(ctx, from, one, policy)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.Error, failed = err.Error(), true
		default:
			r.Report = &report
			differs = differs || !report.Identical
		}
		all = append(all, r)
	}
	if err := c.showReplays(all); err != nil {
		return err
	}
	if failed || check && differs {
		if check && differs {
			say(c.err, "error: a decision is not the same\n")
		}
		return errSaid
	}
	return nil
}

func (c *cli) try(ctx context.Context, from shelf, one client.Recording, policy *configs.Policy) (replay.Report, error) {
	if one.Damaged != "" {
		return replay.Report{}, errors.New(one.Damaged)
	}
	in, err := from(ctx, one.Model, one.Rollout)
	if err != nil {
		return replay.Report{}, err
	}
	defer func() { _ = in.Close() }() // only read
	r, err := replay.NewReader(in)
	if err != nil {
		return replay.Report{}, err
	}
	with := r.Header.Policy
	if policy != nil {
		with = policy.Models[one.Model].Config
	}
	return replay.Run(r, with)
}

func (c *cli) showReplays(all []replayed) error {
	if c.json {
		return c.printJSON(all)
	}
	var b bytes.Buffer
	for i, one := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		if one.Report == nil {
			say(c.err, "error: rollout %s of %s: %s\n", clean(one.Recording.Rollout), clean(one.Recording.Model), clean(one.Error))
			continue
		}
		b.WriteString(c.replayText(*one.Report))
	}
	if len(all) == 0 {
		b.WriteString("no recorded rollouts\n")
	}
	return c.print(b.String())
}
