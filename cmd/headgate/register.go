package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/app"
)

func (c *cli) registerCommand() *cobra.Command {
	var r client.Registration
	var tracking string
	cmd := &cobra.Command{
		Use:   "register NAME --source URI",
		Short: "Register a new version of a model",
		Long: `Adds a version to the registry and prints its number. ` + whichRegistry + `

Nothing is trained, copied or moved: the source is where the model lies.`,
		Example: `  headgate register churn-model --source s3://models/churn/7
  headgate register churn-model --source runs:/1f3a…/model --run-id 1f3a… --tracking-uri http://127.0.0.1:5000`,
		Args: oneArg("model name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := required(cmd, "source"); err != nil {
				return err
			}
			r.Name = args[0]
			v, err := c.register(cmd.Context(), tracking, r)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(v)
			}
			return c.print(clean(v.Model) + " version " + clean(v.Version) + ": registered\n")
		},
	}
	cmd.Flags().StringVar(&r.Source, "source", "", "`URI` of the model's files")
	cmd.Flags().StringVar(&r.RunID, "run-id", "", "`ID` of the run that made it")
	trackingFlag(cmd, &tracking)
	return c.withJSON(cmd)
}

func (c *cli) register(ctx context.Context, tracking string, r client.Registration) (client.Version, error) {
	if uri, direct := c.direct(tracking); direct {
		return app.Register(ctx, uri, r)
	}
	server, err := c.server()
	if err != nil {
		return client.Version{}, err
	}
	return server.Register(ctx, r)
}
