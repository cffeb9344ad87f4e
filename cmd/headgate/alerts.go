package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate/headgate/configs"
)

func (c *cli) alertsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "alerts", Short: "Prometheus's rules and Alertmanager's routes, from the policy", Args: noArgs,
		Long: `Prometheus's rules and Alertmanager's routes, from the policy: gates and alerts
have one source. What an alert does when it arrives is the policy's on_alert.`,
		Example: `  headgate alerts generate --config policy.yaml --prometheus-rules rules.yml --alertmanager alertmanager.yml
  headgate alerts test webhook.json --config policy.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.alertsGenerateCommand(), c.alertsTestCommand())
	return cmd
}

// generateFlags are the flags of `alerts generate`.
type generateFlags struct {
	config, rules, alertmanager, url, token string
	window, wait                            time.Duration
}

func (c *cli) alertsGenerateCommand() *cobra.Command {
	var f generateFlags
	cmd := &cobra.Command{
		Use:   "generate [--config FILE]",
		Short: "Write Prometheus's rules and Alertmanager's configuration",
		Long: `Writes two files from the policy. The first has Prometheus's alerting rules: for
each gate the judge's verdict, the evidence on its way there, and the raw value
(error rate, latency) against the gate's own limit; and rules about Headgate
itself. The second is a configuration of Alertmanager whose routes send Headgate
what a rule of on_alert takes, and nothing else.

Labels: headgate="1", severity, model, gate. What the judge has shown is
critical; a raw value is critical for a gate of mode observe, on which nobody
else acts, and a warning otherwise. Rules about Headgate itself never carry
critical together with a model.

"-" is standard output; without either file the rules go there. --window has to
be four times Prometheus's scrape interval at the least.`,
		Example: `  headgate alerts generate --config policy.yaml > rules.yml
  headgate alerts generate --config policy.yaml --prometheus-rules rules.yml \
    --alertmanager alertmanager.yml --url http://headgate:8090 --token-file /run/secrets/headgate
  headgate alerts generate --config policy.yaml --window 20s --for 0s
  headgate alerts generate --config policy.yaml --json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.alertsGenerate(f) },
	}
	configFlag(cmd, &f.config)
	flags := cmd.Flags()
	flags.StringVar(&f.rules, "prometheus-rules", "", "`FILE` for Prometheus's rules")
	flags.StringVar(&f.alertmanager, "alertmanager", "", "`FILE` for Alertmanager's configuration")
	flags.StringVar(&f.url, "url", "", "`URL` of the admin API as Alertmanager reaches it (default from admin.listen)")
	flags.StringVar(&f.token, "token-file", "", "`PATH` of the token as Alertmanager reads it (default "+configs.DefaultTokenFile+" when the policy has tokens)")
	flags.DurationVar(&f.window, "window", configs.DefaultAlertWindow, "`DURATION` that rates are taken over")
	flags.DurationVar(&f.wait, "for", configs.DefaultAlertFor, "`DURATION` that a raw value has to stay beyond its limit")
	return c.withJSON(cmd)
}

// generated is what `alerts generate --json` prints when it writes files.
type generated struct {
	Written []string `json:"written"`
	Notes   []string `json:"notes"`
}

func (c *cli) alertsGenerate(f generateFlags) error {
	if err := f.check(c.json); err != nil {
		return err
	}
	policy, err := loadOrDefault(f.config)
	if err != nil {
		return c.policyError(err)
	}
	files := policy.AlertFiles(configs.AlertOptions{Window: f.window, For: f.wait, URL: strings.TrimRight(f.url, "/"), TokenFile: f.token})
	if !c.json {
		for _, note := range files.Notes {
			say(c.err, "note: %s\n", clean(note))
		}
	}
	if c.json && f.rules == "" && f.alertmanager == "" {
		return c.printJSON(files)
	}
	if f.rules == "" && f.alertmanager == "" {
		f.rules = "-"
	}
	out := generated{Written: []string{}, Notes: files.Notes}
	for _, file := range []struct {
		path string
		text func() []byte
	}{{f.rules, files.RulesYAML}, {f.alertmanager, files.AlertmanagerYAML}} {
		switch file.path {
		case "":
			continue
		case "-":
			if err := c.print(string(file.text())); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(file.path, file.text(), 0o644); err != nil {
			return fmt.Errorf("write the alert file: %w", err)
		}
		out.Written = append(out.Written, file.path)
	}
	if c.json {
		return c.printJSON(out)
	}
	return nil
}

// check refuses what cannot be meant, before anything is written.
func (f generateFlags) check(asJSON bool) error {
	switch {
	case f.rules == "-" && f.alertmanager == "-":
		return withHint("give one of them a file", "--prometheus-rules and --alertmanager cannot both be standard output")
	case asJSON && (f.rules == "-" || f.alertmanager == "-"):
		return withHint("leave both files out: then --json prints them", "--json and a file on standard output do not go together")
	case f.window < time.Second || f.window%time.Millisecond != 0:
		return withHint("such as --window 1m", "--window has to be 1s or more, got %s", f.window)
	case f.wait < 0 || f.wait%time.Millisecond != 0:
		return withHint("such as --for 30s", "--for has to be 0s or more, got %s", f.wait)
	}
	if f.url == "" {
		return nil
	}
	if u, err := url.Parse(f.url); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return withHint("such as --url http://headgate:8090", "--url has to be an http or https URL without user, query or fragment")
	}
	return nil
}

func (c *cli) alertsTestCommand() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   "test FILE [--config FILE]",
		Short: "Say what a webhook of Alertmanager would do",
		Long: `Reads one message of Alertmanager's webhook (version 4) from FILE, or "-", and
says for each alert and model which rule of on_alert takes it and what would
follow if a rollout were running that began before the alert. Nothing is sent.`,
		Example: `  headgate alerts test webhook.json --config policy.yaml
  headgate alerts test - --config policy.yaml --json < webhook.json`,
		Args: oneArg("file"),
		RunE: func(_ *cobra.Command, args []string) error { return c.alertsTest(args[0], config) },
	}
	configFlag(cmd, &config)
	return c.withJSON(cmd)
}

func (c *cli) alertsTest(file, config string) error {
	policy, err := loadOrDefault(config)
	if err != nil {
		return c.policyError(err)
	}
	data, err := readInput(file)
	if err != nil {
		return err
	}
	found, err := policy.TestAlerts(data, c.now())
	if err != nil {
		return withHint("Alertmanager's webhook, version 4: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config", "%s: %w", file, err)
	}
	if c.json {
		return c.printJSON(found)
	}
	var b strings.Builder
	for _, t := range found {
		fmt.Fprintf(&b, "%s  model %s  %s: %s\n", clean(t.Alert), clean(t.Model), t.Decision, clean(t.Reason))
	}
	return c.print(b.String())
}

func readInput(file string) ([]byte, error) {
	if file == "-" {
		file = os.Stdin.Name()
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the webhook: %w", err)
	}
	if len(data) == 0 {
		return nil, errors.New("read the webhook: it is empty")
	}
	return data, nil
}
