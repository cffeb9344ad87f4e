package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWatchSeesThePolicyAndItsContracts(t *testing.T) {
	policy, err := os.ReadFile("payloads.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(name string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	naming := func(file string) string { return strings.ReplaceAll(string(policy), "contracts/churn.yaml", file) }
	const a, b = "columns: [{name: a}]\n", "columns: [{name: b}]\n"
	write("policy.yaml", naming("a.yaml"))
	write("a.yaml", a)
	watch := NewWatch(filepath.Join(dir, "policy.yaml"))

	for _, step := range []struct {
		what   string
		change func()
		want   bool
	}{
		{"nothing", func() {}, false},
		{"the contract", func() { write("a.yaml", b) }, true},
		{"nothing since", func() {}, false},
		{"a file beside it", func() { write("c.yaml", a) }, false},
		{"the contract is gone", func() { remove("a.yaml") }, true},
		{"and stays away", func() {}, false},
		{"and comes back as it was", func() { write("a.yaml", b) }, true},
		{"the policy, which names another", func() { write("policy.yaml", naming("c.yaml")) }, true},
		{"the one it named before", func() { write("a.yaml", a) }, false},
		{"the other", func() { write("c.yaml", b) }, true},
		{"a policy that cannot be taken", func() { write("policy.yaml", strings.Replace(naming("a.yaml"), "weight: 10%", "weight: 1000%", 1)) }, true},
		{"the contract of one that cannot", func() { write("a.yaml", b) }, true},
		{"the policy in the middle of a swap", func() { remove("policy.yaml") }, false},
		{"the same one after it", func() {
			write("policy.yaml", strings.Replace(naming("a.yaml"), "weight: 10%", "weight: 1000%", 1))
		}, false},
		{"no YAML", func() { write("policy.yaml", "routes: [") }, true},
	} {
		step.change()
		if got := watch.Changed(); got != step.want {
			t.Errorf("%s: changed is %v, want %v", step.what, got, step.want)
		}
	}
}
