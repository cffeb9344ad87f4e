package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/admin/client"
	"github.com/headgate/headgate/internal/app"
)

func (c *cli) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", Short: "The record of every decision", Args: noArgs,
		Long: `The record of every decision is append-only and chained by hashes; how many
records there are and the last hash are kept beside it.`,
		Example: `  headgate audit verify --config policy.yaml
  headgate audit export > record.jsonl`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.auditVerifyCommand(), c.auditExportCommand())
	return cmd
}

// place is where the record is to be found: a directory, or "" for the
// running server's.
type place struct{ config, dir string }

func (p *place) flags(cmd *cobra.Command) {
	configFlag(cmd, &p.config)
	cmd.Flags().StringVar(&p.dir, "dir", "", "journal `DIRECTORY`")
	cmd.MarkFlagsMutuallyExclusive("config", "dir")
}

func (c *cli) directory(p place) (string, error) {
	if p.config == "" {
		return p.dir, nil
	}
	policy, err := configs.Load(p.config)
	if err != nil {
		return "", c.policyError(err)
	}
	return policy.State.Dir, nil
}

const whichRecord = `With --dir or --config it reads that journal's directory; when a running server
holds it, that server is asked. Without them the running server is asked.`

func (c *cli) auditVerifyCommand() *cobra.Command {
	var p place
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that the record is whole",
		Long: `Walks the whole record and says what was changed, is missing or was cut off.
` + whichRecord + `

Exit code 0 when the record is intact, 1 when it is damaged.`,
		Example: `  headgate audit verify
  headgate audit verify --dir ./data --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := c.directory(p)
			if err != nil {
				return err
			}
			v, err := c.verify(cmd.Context(), dir)
			if err != nil {
				return err
			}
			return c.showVerification(v)
		},
	}
	p.flags(cmd)
	return c.withJSON(cmd)
}

func (c *cli) verify(ctx context.Context, dir string) (client.Verification, error) {
	if dir != "" {
		v, err := app.VerifyJournal(ctx, dir)
		if !c.held(err) {
			return v, err
		}
	}
	server, err := c.server()
	if err != nil {
		return client.Verification{}, err
	}
	return server.VerifyJournal(ctx)
}

// held reports whether a directory's journal is in use, and says who is asked
// instead.
func (c *cli) held(err error) bool {
	var locked *app.LockedError
	if !errors.As(err, &locked) {
		return false
	}
	address, _ := c.adminURL()
	say(c.err, "note: %s; asking the server at %s\n", clean(locked.Error()), clean(address))
	return true
}

func (c *cli) showVerification(v client.Verification) error {
	if c.json {
		if err := c.printJSON(v); err != nil {
			return err
		}
	} else if v.Intact {
		if err := c.print(fmt.Sprintf("%s: %d records, head %s\n", c.paint(good, "intact"), v.Count, orDash(v.Head))); err != nil {
			return err
		}
		for _, p := range v.Problems {
			say(c.err, "note: %s\n", clean(p))
		}
	}
	if v.Intact {
		return nil
	}
	for _, p := range v.Problems {
		say(c.err, "error: %s\n", clean(p))
	}
	say(c.err, "hint: keep the directory as it is and compare it with a copy; the head of the record also stands on the rollouts' MLflow runs\n")
	return errSaid
}

func (c *cli) auditExportCommand() *cobra.Command {
	var p place
	var from uint64
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the record as JSON lines",
		Long: `Writes one JSON object for each record, oldest first, with its place in the
chain: seq, time, prev, hash, body.
` + whichRecord,
		Example: `  headgate audit export > record.jsonl
  headgate audit export --from 100 --dir ./data`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := c.directory(p)
			if err != nil {
				return err
			}
			return c.export(cmd.Context(), dir, max(from, 1))
		},
	}
	p.flags(cmd)
	cmd.Flags().Uint64Var(&from, "from", 1, "first `SEQUENCE` number")
	return cmd
}

func (c *cli) export(ctx context.Context, dir string, from uint64) error {
	out := json.NewEncoder(c.out)
	out.SetEscapeHTML(false)
	write := func(e client.Entry) error {
		if err := out.Encode(e); err != nil {
			return fmt.Errorf("write the record: %w", err)
		}
		return nil
	}
	if dir != "" {
		if err := app.ExportJournal(ctx, dir, from, write); !c.held(err) {
			return err
		}
	}
	server, err := c.server()
	if err != nil {
		return err
	}
	return server.Journal(ctx, from, write)
}
