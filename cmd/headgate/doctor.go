package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/app"
)

func (c *cli) doctorCommand() *cobra.Command {
	var config, tracking string
	cmd := &cobra.Command{
		Use:   "doctor [MODEL...]",
		Short: "Say in words what is wrong with the connections",
		Long: `Asks the running server what it finds: the registry (unreachable, not allowed,
Host refused, no stages, artifacts only) and what the backends serve. With
--config it looks at the registry of that policy itself, without a server; with
--tracking-uri, or MLFLOW_TRACKING_URI when no server is named, at that MLflow
and the models given.

Exit code 1 when something is wrong; a warning is not.`,
		Example: `  headgate doctor
  headgate doctor --config policy.yaml
  headgate doctor churn-model --tracking-uri http://127.0.0.1:5000`,
		RunE: func(cmd *cobra.Command, models []string) error {
			findings, err := c.findings(cmd.Context(), config, tracking, models)
			if err != nil {
				return err
			}
			return c.showFindings(findings)
		},
	}
	configFlag(cmd, &config)
	trackingFlag(cmd, &tracking)
	return c.withJSON(cmd)
}

func configFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "config", "", "policy `FILE`")
}

func (c *cli) findings(ctx context.Context, config, tracking string, models []string) ([]client.Finding, error) {
	if config != "" {
		policy, err := configs.Load(config)
		if err != nil {
			return nil, c.policyError(err)
		}
		return app.Doctor(ctx, policy)
	}
	if uri, direct := c.direct(tracking); direct {
		return app.DoctorAt(ctx, uri, models)
	}
	server, err := c.server()
	if err != nil {
		return nil, err
	}
	return server.Doctor(ctx)
}

func (c *cli) showFindings(findings []client.Finding) error {
	ill := false
	for _, f := range findings {
		ill = ill || f.Level == client.LevelError
	}
	if c.json {
		if findings == nil {
			findings = []client.Finding{}
		}
		if err := c.printJSON(findings); err != nil {
			return err
		}
	} else if err := c.print(c.findingsText(findings)); err != nil {
		return err
	}
	if ill {
		return errSaid
	}
	return nil
}

func (c *cli) findingsText(findings []client.Finding) string {
	tones := map[client.Level]tone{client.LevelOK: good, client.LevelWarn: warning, client.LevelError: bad}
	text := ""
	for _, f := range findings {
		text += c.paint(tones[f.Level], string(f.Level)) + "     "[min(5, len(f.Level)):] + "  " + clean(f.What) + "\n"
		if f.Hint != "" {
			text += "       " + c.paint(faint, "→ "+f.Hint) + "\n"
		}
	}
	return text
}
