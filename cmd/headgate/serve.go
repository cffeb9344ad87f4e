package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/headgate/headgate/configs"
	"github.com/headgate/headgate/internal/app"
)

func (c *cli) serveCommand() *cobra.Command {
	var config, level string
	var logJSON bool
	cmd := &cobra.Command{
		Use:   "serve [--config FILE]",
		Short: "Run the proxy",
		Long: `Serves users' traffic and the admin API as the policy says. Without --config the
built-in policy is used: a local registry and two sample backends.

SIGHUP, or a change of the file, loads the policy anew; a bad one is refused
with file, line and column, and the old one stays. SIGTERM and SIGINT drain the
traffic and stop; a second one stops at once.`,
		Example: `  headgate serve --config policy.yaml
  headgate serve --config policy.yaml --log-json --log-level debug`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := c.logger(level, logJSON)
			if err != nil {
				return err
			}
			return c.serve(cmd.Context(), config, log)
		},
	}
	configFlag(cmd, &config)
	cmd.Flags().StringVar(&level, "log-level", "info", "`LEVEL`: trace, debug, info, warn or error")
	cmd.Flags().BoolVar(&logJSON, "log-json", false, "log as JSON")
	return cmd
}

func (c *cli) logger(level string, asJSON bool) (hclog.Logger, error) {
	l := hclog.LevelFromString(level)
	if l == hclog.NoLevel {
		return nil, withHint("levels: trace, debug, info, warn, error", "unknown log level %q", level)
	}
	return hclog.New(&hclog.LoggerOptions{Name: "headgate", Level: l, Output: c.err, JSONFormat: asJSON}), nil
}

func (c *cli) serve(ctx context.Context, config string, log hclog.Logger) error {
	policy, err := loadOrDefault(config)
	if err != nil {
		return c.policyError(err)
	}
	a, err := app.New(policy, app.Options{Log: log, ConfigPath: config, Version: thisBuild().Version})
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	stop := onHangup(func() {
		// Reload says itself what it took and what it refused.
		_ = a.Reload()
	})
	defer stop()
	return a.Run(ctx)
}

func loadOrDefault(config string) (*configs.Policy, error) {
	if config == "" {
		return configs.Default()
	}
	return configs.Load(config)
}

// onHangup calls reload for each SIGHUP, one at a time, until stopped.
func onHangup(reload func()) (stop func()) {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range got {
			reload()
		}
	}()
	return func() {
		signal.Stop(got)
		close(got)
		<-done
	}
}
