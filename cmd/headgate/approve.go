package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

func (c *cli) approveCommand() *cobra.Command {
	a := client.Approval{}
	cmd := &cobra.Command{
		Use:   "approve MODEL VERSION --for staging|production --role ROLE --comment TEXT",
		Short: "Approve a version in a role that your token carries",
		Long: `Gives your word for a version. Who you are and which roles you have is on your
token (HEADGATE_TOKEN); admin and operator do not stand in for an approver's
role. An approval may be given before a rollout asks for it, and counts until
it expires. Giving it twice changes nothing.

Refused (exit 3) when you started the rollout yourself and its plan asks for
somebody else, unknown model or version exit 5, a role that your token does
not carry exit 7.

` + exitCodes,
		Example: `  headgate approve churn-model 3 --for production --role ml-lead --comment "looked at the differing pairs"`,
		Args:    modelAndVersion,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, flag := range []string{"for", "role", "comment"} {
				if err := required(cmd, flag); err != nil {
					return err
				}
			}
			if a.For != client.ForStaging && a.For != client.ForProduction {
				return withHint("see `"+cmd.CommandPath()+" --help`", "--for is staging or production, not %q", a.For)
			}
			a.Model, a.Version = args[0], args[1]
			server, err := c.server()
			if err != nil {
				return err
			}
			kept, err := server.Approve(cmd.Context(), a)
			if err != nil {
				return err
			}
			return c.showApproval(kept)
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.For, "for", "", "`STAGE` it is approved for: staging or production")
	f.StringVar(&a.Role, "role", "", "`ROLE` in which you approve")
	f.StringVar(&a.Comment, "comment", "", "`TEXT` kept in the record")
	return c.withJSON(cmd)
}

func (c *cli) showApproval(a client.Approval) error {
	if c.json {
		return c.printJSON(a)
	}
	return c.print(fmt.Sprintf("%s version %s approved for %s by %s as %s at %s, until %s\n",
		clean(a.Model), clean(a.Version), clean(a.For), clean(a.By), clean(a.Role), a.At.Format(time.RFC3339), a.ExpiresAt.Format(time.RFC3339)))
}

func modelAndVersion(cmd *cobra.Command, args []string) error {
	if len(args) == 2 && strings.TrimSpace(args[0]) != "" && strings.TrimSpace(args[1]) != "" {
		return nil
	}
	return withHint("usage: "+cmd.UseLine(), "%s takes a model and a version, got %d arguments", cmd.CommandPath(), len(args))
}
