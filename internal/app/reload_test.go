package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A contract that changes by itself is taken, without a word from anybody.
func TestAChangedContractIsTaken(t *testing.T) {
	r := newRig(t, "1m", "10s")
	contract := filepath.Join(r.dir, "row.yaml")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(contract, "columns: [{name: tenure, max: 10}]\n")
	policy, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	write(r.file, strings.Replace(string(policy), "    timeout: 2s\n", "    timeout: 2s\n    payload: {contract: {file: row.yaml}}\n", 1))
	r.boot()
	r.ready()

	limit := func() float64 {
		r.app.mu.Lock()
		defer r.app.mu.Unlock()
		return *r.app.policy.Routes[0].Payload.Contract.Columns[0].Max
	}
	if got := limit(); got != 10 {
		t.Fatalf("started with %v", got)
	}
	write(contract, "columns: [{name: tenure, max: 20}]\n")
	for end := time.Now().Add(30 * time.Second); limit() != 20; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the contract's change was not taken")
		}
	}
}
