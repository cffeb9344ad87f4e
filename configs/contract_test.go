package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/payload"
)

// A contract's file is found beside the policy, wherever the server was started.
func TestContractsAreFoundBesideThePolicy(t *testing.T) {
	dir := t.TempDir()
	policy, err := os.ReadFile("payloads.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("policy.yaml", strings.ReplaceAll(string(policy), "contracts/churn.yaml", "c.yaml"))
	load := func() (*payload.Contract, error) {
		p, err := Load(filepath.Join(dir, "policy.yaml"))
		if err != nil {
			return nil, err
		}
		return p.Routes[0].Payload.Contract, nil
	}

	write("c.yaml", "columns:\n  - {name: a, type: integer, min: 0, nullable: true}\n  - {name: b, max: -1.5, optional: true}\nextra: allow\n")
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	a, b := c.Columns[0], c.Columns[1]
	if c.File != "c.yaml" || c.Extra != payload.ExtraAllow || a.Type != payload.Integer || *a.Min != 0 || a.Max != nil || !a.Nullable || *b.Max != -1.5 || b.Min != nil || !b.Optional {
		t.Errorf("%+v", c)
	}

	for text, want := range map[string]string{
		"columns:\n  - {name: a, type: int}\n": "c.yaml:2:21: columns[0].type: \"int\": wanted number, integer, boolean or text",
		"{}\n":                                 "c.yaml:1:1: columns: wanted at least one column",
		"columns: [":                           "c.yaml:2:1: wanted YAML: ",
		"columns: []\ncolumns: []\n":           "c.yaml:2:1: columns: wanted each key once",
		strings.Repeat("#", 2<<20):             "c.yaml:1:1: wanted a policy of at most 1 MiB",
	} {
		write("c.yaml", text)
		_, err := load()
		var problems *Errors
		if !errors.As(err, &problems) || len(problems.Problems) != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}

	if err := errors.Join(os.Remove(filepath.Join(dir, "c.yaml")), os.Mkdir(filepath.Join(dir, "c.yaml"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := load(); err == nil || !strings.Contains(err.Error(), `policy.yaml:17:24: routes[0].payload.contract.file: "c.yaml": wanted a file with a data contract: it is not a plain file`) {
		t.Errorf("a directory: %v", err)
	}
}
