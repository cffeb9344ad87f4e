package main

import (
	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

func (c *cli) pauseCommand() *cobra.Command {
	return c.plain(client.Pause,
		"Stop a rollout where it is",
		`Keeps the candidate's share of users and stops the clock of the hold. Judging
goes on: a gate that fails still takes the candidate back.`,
		`  headgate pause churn-model --reason "looking at a slow shard"`)
}
