package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/headgate/headgate/configs"
)

// Every example policy, and one with a gate of every kind, gives files that
// Prometheus's and Alertmanager's own tools take.
func TestGeneratedFilesPassTheirTools(t *testing.T) {
	if err := tools("promtool", "amtool"); err != nil {
		t.Fatal(err)
	}
	policies, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(policies) < 3 {
		t.Fatalf("%d policies, %v", len(policies), err)
	}
	for _, policy := range append(policies, "../../configs/testdata/alerts.yaml") {
		t.Run(filepath.Base(policy), func(t *testing.T) {
			p, err := configs.Load(policy)
			if err != nil {
				t.Fatal(err)
			}
			f := p.AlertFiles(configs.AlertOptions{For: configs.DefaultAlertFor})
			check(t, "promtool", []string{"check", "rules"}, f.RulesYAML())
			check(t, "amtool", []string{"check-config"}, f.AlertmanagerYAML())
		})
	}
}

func check(t *testing.T, tool string, args []string, text []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, append(args, file)...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s\n%s", tool, err, out, text)
	}
}

// TestRulesFire has promtool evaluate the rules over series of our making: when
// they fire, and when they must not.
func TestRulesFire(t *testing.T) {
	if err := tools("promtool"); err != nil {
		t.Fatal(err)
	}
	p, err := configs.Load("../../configs/testdata/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cases, err := os.ReadFile("testdata/rules_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"rules.yml": p.AlertFiles(configs.AlertOptions{}).RulesYAML(), "cases.yml": cases} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("promtool", "test", "rules", "cases.yml")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
