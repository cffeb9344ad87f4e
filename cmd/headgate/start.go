package main

import (
	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

func (c *cli) startCommand() *cobra.Command {
	o := client.Command{Kind: client.Start}
	cmd := &cobra.Command{
		Use:   "start MODEL --version N",
		Short: "Begin a rollout of a version",
		Long: `Puts a registered version on trial, as the model's plan says. Refused (exit 3)
while another rollout of the model runs, when the version is the baseline,
Archived, or was rolled back before (--again), and when the backends do not
serve what the registry says.`,
		Example: `  headgate start churn-model --version 3
  headgate start churn-model --version 3 --baseline 1   # no single Production version yet
  headgate start churn-model --version 2 --again        # it was rolled back before`,
		Args: oneArg("model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := required(cmd, "version"); err != nil {
				return err
			}
			o.IfMatch = ifMatch(cmd)
			return c.order(cmd, args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Version, "version", "", "candidate `VERSION`, as the registry numbers it")
	f.StringVar(&o.Baseline, "baseline", "", "`VERSION` that users are on, where the registry has no single Production version")
	f.BoolVar(&o.Again, "again", false, "try a version that was rolled back before")
	f.BoolVar(&o.Unverified, "unverified", false, "start although a backend does not tell its version")
	reasonFlag(cmd, &o.Reason)
	generationFlag(cmd)
	return c.withJSON(cmd)
}
