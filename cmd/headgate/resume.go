package main

import (
	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

func (c *cli) resumeCommand() *cobra.Command {
	cmd := c.plain(client.Resume,
		"Go on with a paused rollout",
		`Goes on where the pause interrupted the plan. Refused (exit 3) while what
paused the rollout still stands.`,
		`  headgate resume churn-model`)
	generationFlag(cmd)
	return cmd
}
