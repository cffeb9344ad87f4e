package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

// watchEvery is how often --watch asks.
const watchEvery = time.Second

func (c *cli) statusCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "status [MODEL]",
		Short: "Show where rollouts stand",
		Long: `Without a model: one line for each model of the policy. With one: the rollout,
its step, every gate with what both arms measured, how much evidence there is
toward each limit, what the registry has been told, and which version each
backend really serves.`,
		Example: `  headgate status
  headgate status churn-model --watch
  headgate status churn-model --json | jq .phase`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return oneArg("model")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := c.server()
			if err != nil {
				return err
			}
			show := func(ctx context.Context) (string, error) { return c.statusText(ctx, server, args, watch) }
			if watch {
				return c.watch(cmd.Context(), show)
			}
			text, err := show(cmd.Context())
			if err != nil {
				return err
			}
			return c.print(text)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it anew every second until interrupted")
	return c.withJSON(cmd)
}

// statusText is one look at the server. Watched JSON is one object per line.
func (c *cli) statusText(ctx context.Context, server *client.Client, args []string, watched bool) (string, error) {
	var shown any
	var text string
	if len(args) == 1 {
		v, err := server.Rollout(ctx, args[0])
		if err != nil {
			return "", err
		}
		shown, text = v, c.detail(v)
	} else {
		views, err := server.Rollouts(ctx)
		if err != nil {
			return "", err
		}
		shown, text = views, c.overview(views)
	}
	if !c.json {
		return text, nil
	}
	indent := "  "
	if watched {
		indent = ""
	}
	return compactOr(shown, indent)
}

func compactOr(v any, indent string) (string, error) {
	raw, err := json.MarshalIndent(v, "", indent)
	if indent == "" {
		raw, err = json.Marshal(v)
	}
	if err != nil {
		return "", fmt.Errorf("write the answer: %w", err)
	}
	return string(raw) + "\n", nil
}

// watch shows a look every second. A server that goes away is said and waited
// for: it may be restarting.
func (c *cli) watch(ctx context.Context, show func(context.Context) (string, error)) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for first := true; ; first = false {
		text, err := show(ctx)
		var r *client.Refusal
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !first && errors.As(err, &r) && r.Code == client.Unreachable:
			complain(c.err, err)
		case err != nil:
			return err
		default:
			if err := c.print(c.frame(text, first)); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// frame redraws in place on a terminal and separates looks elsewhere.
func (c *cli) frame(text string, first bool) string {
	switch {
	case c.json:
		return text
	case c.fancy:
		return "\x1b[H\x1b[2J" + text
	case first:
		return text
	}
	return "\n" + text
}

// overview is the table of models.
func (c *cli) overview(views []client.View) string {
	if len(views) == 0 {
		return "no models in the policy\n"
	}
	rows := make([][]string, 0, len(views))
	for _, v := range views {
		step := "-"
		if v.Step != nil {
			step = fmt.Sprintf("%d of %d %s", v.Step.Index+1, v.Step.Of, v.Step.Kind)
		}
		rows = append(rows, []string{
			c.paint(strong, v.Model), c.phase(v), fmt.Sprint(v.Weight), clean(step),
			orDash(v.Baseline.Version), orDash(v.Candidate.Version), c.verdict(string(v.Verdict)), c.registryWord(v),
		})
	}
	anyWidth := c.world
	anyWidth.width = nil
	grid := anyWidth.grid([]string{"MODEL", "PHASE", "WEIGHT", "STEP", "BASELINE", "CANDIDATE", "VERDICT", "REGISTRY"}, rows)
	if width := c.columns(); width < narrowest || lipgloss.Width(grid) <= width {
		return grid
	}
	var b strings.Builder
	for _, v := range views {
		b.WriteString(c.oneLine(v))
	}
	return c.fold(b.String())
}

// oneLine is where a rollout stands after an order.
func (c *cli) oneLine(v client.View) string {
	text := c.paint(strong, v.Model) + ": " + c.phase(v)
	if v.Candidate.Version != "" {
		text += fmt.Sprintf(", version %s at %s (baseline %s)", clean(v.Candidate.Version), v.Weight, orDash(v.Baseline.Version))
	}
	if v.Step != nil {
		text += fmt.Sprintf(", step %d of %d", v.Step.Index+1, v.Step.Of)
	}
	if v.Registry.Pending {
		text += ", registry pending"
	}
	return text + "\n"
}

// phase is the phase with its reason or cause.
func (c *cli) phase(v client.View) string {
	text, t := strings.ReplaceAll(string(v.Phase), "_", " "), plain
	switch string(v.Phase) {
	case "promoted":
		t = good
	case "rolling_back", "rolled_back":
		t = bad
	case "paused":
		t = warning
	}
	switch {
	case v.Cause != "":
		text += " (" + string(v.Cause) + ")"
	case v.Reason != "":
		text += " (" + strings.ReplaceAll(string(v.Reason), "_", " ") + ")"
	}
	return c.paint(t, text)
}

func (c *cli) verdict(verdict string) string {
	switch verdict {
	case "":
		return "-"
	case "pass":
		return c.paint(good, verdict)
	case "fail":
		return c.paint(bad, verdict)
	}
	return c.paint(warning, verdict)
}

func (c *cli) registryWord(v client.View) string {
	if v.Registry.Pending {
		return c.paint(warning, "pending")
	}
	return orDash(v.Registry.Mode)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return clean(text)
}
