package main

import (
	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

func (c *cli) advanceCommand() *cobra.Command {
	cmd := c.plain(client.Advance,
		"Go to the next step of the plan now",
		`Ends the present step by hand, without waiting for its hold or its verdict.
The record says who did. Gates that take back stay in force.`,
		`  headgate advance churn-model --reason "seen enough at 10 %"`)
	generationFlag(cmd)
	return cmd
}
