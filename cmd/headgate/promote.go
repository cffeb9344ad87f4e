package main

import (
	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

func (c *cli) promoteCommand() *cobra.Command {
	cmd := c.plain(client.Promote,
		"End a running rollout early: make the candidate Production",
		`Skips the rest of the plan's canary steps and makes the candidate the
registry's Production version. A bake in the plan still follows.
To change only the registry, use transition-stage.`,
		`  headgate promote churn-model --reason "release freeze at noon"`)
	generationFlag(cmd)
	return cmd
}
