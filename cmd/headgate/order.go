package main

import (
	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

// order gives an order and shows where the rollout stands after it.
func (c *cli) order(cmd *cobra.Command, model string, o client.Command) error {
	server, err := c.server()
	if err != nil {
		return err
	}
	v, err := server.Order(cmd.Context(), model, o)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(v)
	}
	return c.print(c.oneLine(v))
}

// reasonFlag lets an order say why; the record keeps it as written.
func reasonFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "reason", "", "`TEXT` for the record")
}

// generationFlag makes an order conditional on what its giver has seen.
func generationFlag(cmd *cobra.Command) {
	cmd.Flags().Uint64("if-generation", 0, "only if the rollout is still at this `GENERATION` (from status --json)")
}

func ifMatch(cmd *cobra.Command) *uint64 {
	if f := cmd.Flags().Lookup("if-generation"); f == nil || !f.Changed {
		return nil
	}
	n, err := cmd.Flags().GetUint64("if-generation")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return &n
}

// plain builds the commands that need no more than a model.
func (c *cli) plain(kind client.Kind, short, long, example string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: string(kind) + " MODEL", Short: short, Long: long, Example: example, Args: oneArg("model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.order(cmd, args[0], client.Command{Kind: kind, Reason: reason, IfMatch: ifMatch(cmd)})
		},
	}
	reasonFlag(cmd, &reason)
	return c.withJSON(cmd)
}
