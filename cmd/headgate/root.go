package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/internal/admin/client"
)

// cli is one run of the program: the world and the global flags.
type cli struct {
	world
	admin string
	json  bool
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, w world, args []string) int {
	c := &cli{world: w}
	root := c.root()
	root.SetArgs(args)
	root.SetOut(w.out)
	root.SetErr(w.err)
	err := root.ExecuteContext(ctx)
	complain(w.err, err)
	return exitCode(err)
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "headgate",
		Short: "Progressive delivery for models that live in an MLflow registry",
		Long: `Headgate stands in front of the staging and the production backend of a model,
lets a candidate version take over in steps, and takes it back by itself when
it does worse: traffic first, then the registry, then a ticket.

` + exitCodes,
		Example: `  headgate serve --config policy.yaml
  headgate start churn-model --version 3
  headgate status churn-model --watch
  headgate rollback churn-model --reason "complaints from support"`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return withHint("see `"+cmd.CommandPath()+" --help`", "%w", err)
	})
	root.PersistentFlags().StringVar(&c.admin, "admin", "", "`URL` of the running server's admin API (HEADGATE_ADMIN; default "+client.DefaultURL+")")
	root.AddCommand(
		c.serveCommand(), c.checkCommand(), c.statusCommand(),
		c.startCommand(), c.pauseCommand(), c.resumeCommand(), c.advanceCommand(), c.promoteCommand(), c.rollbackCommand(),
		c.drillCommand(), c.registerCommand(), c.approveCommand(), c.transitionStageCommand(),
		c.shadowCommand(), c.alertsCommand(), c.tokenCommand(), c.doctorCommand(), c.replayCommand(), c.auditCommand(), c.healthcheckCommand(), c.versionCommand(),
	)
	return root
}

// withJSON gives a command that prints data the flag for programs.
func (c *cli) withJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON for programs")
	return cmd
}

// adminURL is the server's address and whether somebody named it.
func (c *cli) adminURL() (address string, given bool) {
	if c.admin != "" {
		return c.admin, true
	}
	if v := c.getenv("HEADGATE_ADMIN"); v != "" {
		return v, true
	}
	return client.DefaultURL, false
}

// server is the client of the running server.
func (c *cli) server() (*client.Client, error) {
	address, _ := c.adminURL()
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	server, err := client.New(address, token)
	if err != nil {
		return nil, withHint("set it with --admin URL or HEADGATE_ADMIN", "%w", err)
	}
	return server, nil
}

// token is HEADGATE_TOKEN, else what the file HEADGATE_TOKEN_FILE holds, which
// is how secrets come into containers; "" when neither is set.
func (c *cli) token() (string, error) {
	path := c.getenv("HEADGATE_TOKEN_FILE")
	if token := c.getenv("HEADGATE_TOKEN"); token != "" || path == "" {
		return token, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", withHint("HEADGATE_TOKEN_FILE names a file that holds the token and nothing else", "read the token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" {
		return "", withHint("HEADGATE_TOKEN_FILE names a file that holds the token and nothing else", "read the token: %s is empty", path)
	}
	return token, nil
}

// printJSON writes a value to standard output, indented.
func (c *cli) printJSON(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// noArgs and oneArg refuse with a hint where cobra's own only refuse.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see `" + cmd.CommandPath() + " --help`"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean `" + cmd.CommandPath() + " " + near[0] + "`?"
	}
	if cmd.HasSubCommands() {
		return withHint(hint, "unknown command %q", args[0])
	}
	return withHint(hint, "%s takes no arguments, got %q", cmd.CommandPath(), args[0])
}

func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && strings.TrimSpace(args[0]) != "" {
			return nil
		}
		return withHint("usage: "+cmd.UseLine(), "%s takes one %s, got %d arguments", cmd.CommandPath(), what, len(args))
	}
}

// required is the error of a flag that has to be there and is not.
func required(cmd *cobra.Command, flag string) error {
	if f := cmd.Flag(flag); f.Changed && f.Value.String() != "" {
		return nil
	}
	return withHint("see `"+cmd.CommandPath()+" --help`", "--%s is missing", flag)
}
