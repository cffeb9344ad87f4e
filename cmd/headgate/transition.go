package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/app"
)

const whichRegistry = `With --admin or HEADGATE_ADMIN it
goes through that server; otherwise straight to the MLflow named by
--tracking-uri or MLFLOW_TRACKING_URI; otherwise through the server at the
default address.`

func trackingFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "tracking-uri", "", "`URI` of an MLflow server to speak to directly (MLFLOW_TRACKING_URI)")
}

// direct says whether MLflow is to be spoken to without a server between.
func (c *cli) direct(tracking string) (uri string, direct bool) {
	if tracking != "" {
		return tracking, true
	}
	if _, given := c.adminURL(); given {
		return "", false
	}
	uri = c.getenv("MLFLOW_TRACKING_URI")
	return uri, uri != ""
}

func (c *cli) transitionStageCommand() *cobra.Command {
	var m client.Move
	var tracking string
	cmd := &cobra.Command{
		Use:   "transition-stage --model-name NAME --version N --stage STAGE",
		Short: "Move one version to a stage, in the registry alone",
		Long: `Moves exactly one version to None, Staging, Production or Archived; the case
does not matter. Nothing is created, deleted or trained, and no traffic moves.
` + whichRegistry + `

Refused for Production (exit 3) while a rollout of the model runs. There is no
promotion ladder yet: no rungs are asked for, and the answer says so.

` + exitCodes,
		Example: `  headgate transition-stage --model-name churn-model --version 3 --stage Production
  headgate transition-stage --model-name churn-model --version 3 --stage staging --tracking-uri http://127.0.0.1:5000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, flag := range []string{"model-name", "version", "stage"} {
				if err := required(cmd, flag); err != nil {
					return err
				}
			}
			t, err := c.transition(cmd.Context(), tracking, m)
			if err != nil {
				return err
			}
			return c.showTransition(t)
		},
	}
	f := cmd.Flags()
	f.StringVar(&m.Model, "model-name", "", "`NAME` of the registered model")
	f.StringVar(&m.Version, "version", "", "`VERSION` to move")
	f.StringVar(&m.Stage, "stage", "", "`STAGE`: None, Staging, Production or Archived")
	trackingFlag(cmd, &tracking)
	return c.withJSON(cmd)
}

func (c *cli) transition(ctx context.Context, tracking string, m client.Move) (client.Transition, error) {
	if uri, direct := c.direct(tracking); direct {
		return app.TransitionStage(ctx, uri, m)
	}
	server, err := c.server()
	if err != nil {
		return client.Transition{}, err
	}
	return server.TransitionStage(ctx, m)
}

func (c *cli) showTransition(t client.Transition) error {
	if c.json {
		return c.printJSON(t)
	}
	say(c.err, "note: rungs of the promotion ladder: %s\n", t.Rungs)
	return c.print(fmt.Sprintf("%s version %s: %s → %s\n", clean(t.Model), clean(t.Version), clean(t.From), clean(t.To)))
}
