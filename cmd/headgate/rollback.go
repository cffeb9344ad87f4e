package main

import (
	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

func (c *cli) rollbackCommand() *cobra.Command {
	o := client.Command{Kind: client.Rollback}
	cmd := &cobra.Command{
		Use:   "rollback MODEL --reason TEXT",
		Short: "Take the candidate back now",
		Long: `Takes every user off the candidate within the second, then puts the registry
right, then writes an incident. Works in every phase, after the promotion too.
It does not wait for the registry: what is still owed shows in status.

Refused once (exit 3) when the baseline is not healthy; --force obeys.`,
		Example: `  headgate rollback churn-model --reason "complaints from support"
  headgate rollback churn-model --reason "as agreed" --force`,
		Args: oneArg("model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := required(cmd, "reason"); err != nil {
				return err
			}
			return c.order(cmd, args[0], o)
		},
	}
	reasonFlag(cmd, &o.Reason)
	cmd.Flags().BoolVar(&o.Force, "force", false, "even onto a baseline that is not healthy")
	return c.withJSON(cmd)
}
