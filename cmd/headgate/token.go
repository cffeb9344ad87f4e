package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

func (c *cli) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Tokens for the admin API", Args: noArgs,
		Long:    "Tokens for the admin API. The policy keeps only their hashes.",
		Example: "  headgate token new ci --role operator --expires 720h",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.tokenNewCommand())
	return cmd
}

// newToken is what `token new --json` prints.
type newToken struct {
	Name    string     `json:"name"`
	Roles   []string   `json:"roles"`
	Token   string     `json:"token"`
	SHA256  string     `json:"sha256"`
	Expires *time.Time `json:"expires,omitempty"`
}

func (c *cli) tokenNewCommand() *cobra.Command {
	var roles []string
	var lasts time.Duration
	cmd := &cobra.Command{
		Use:   "new NAME --role ROLE",
		Short: "Make a token, shown this once",
		Long: `Makes a token and prints it once, with the lines for the policy's admin.tokens,
which hold its hash alone. Reload the server (SIGHUP) to put it in force.

Roles: ` + strings.Join(client.Roles(), ", ") + `, or the name of an approver's
role that the policy lists under admin.approvers.`,
		Example: `  headgate token new ci --role operator --expires 720h
  headgate token new prometheus --role viewer
  HEADGATE_TOKEN=hg_… headgate status
  HEADGATE_TOKEN_FILE=/run/secrets/operator_token headgate status`,
		Args: oneArg("name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(roles) == 0 {
				return withHint("roles: "+strings.Join(client.Roles(), ", "), "--role is missing")
			}
			if lasts < 0 || cmd.Flag("expires").Changed && lasts == 0 {
				return withHint("such as --expires 720h", "--expires has to be a duration above 0s")
			}
			return c.makeToken(args[0], roles, lasts)
		},
	}
	cmd.Flags().StringSliceVar(&roles, "role", nil, "`ROLE`; may be repeated")
	cmd.Flags().DurationVar(&lasts, "expires", 0, "the token ends after this `DURATION`, such as 720h (default never)")
	return c.withJSON(cmd)
}

func (c *cli) makeToken(name string, roles []string, lasts time.Duration) error {
	custom, err := client.CheckToken(name, roles)
	if err != nil {
		return err
	}
	if len(custom) > 0 {
		say(c.err, "note: not a built-in role: %s; list it under admin.approvers\n", strings.Join(custom, ", "))
	}
	token, digest, err := client.NewToken(c.random)
	if err != nil {
		return err
	}
	made := newToken{Name: name, Roles: roles, Token: token, SHA256: digest}
	if lasts > 0 {
		until := c.now().UTC().Add(lasts).Truncate(time.Second)
		made.Expires = &until
	}
	if c.json {
		return c.printJSON(made)
	}
	say(c.err, "The token below is shown this once. Keep it secret; the policy gets only its hash.\n")
	return c.print(token + "\n\n" + made.yaml())
}

// yaml is the entry to paste into the policy.
func (t newToken) yaml() string {
	text := fmt.Sprintf("admin:\n  tokens:\n    - name: %q\n      roles: [%s]\n      sha256: %q\n", t.Name, strings.Join(t.Roles, ", "), t.SHA256)
	if t.Expires != nil {
		text += fmt.Sprintf("      expires: %s\n", t.Expires.Format(time.RFC3339))
	}
	return text
}
