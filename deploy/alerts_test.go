package deploy

import (
	"os"
	"testing"

	"github.com/headgate/headgate/configs"
)

// The stack's alerts are what `make alerts` writes: gates and alerts have one source.
func TestAlertsComeFromThePolicy(t *testing.T) {
	policy, err := configs.Load("../configs/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := policy.AlertFiles(configs.AlertOptions{
		Window: configs.DefaultAlertWindow, For: configs.DefaultAlertFor,
		URL: "http://headgate:8090", TokenFile: "/run/secrets/alerter_token",
	})
	for file, want := range map[string][]byte{
		"prometheus/rules.yml":          files.RulesYAML(),
		"alertmanager/alertmanager.yml": files.AlertmanagerYAML(),
	} {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("deploy/%s is not what the policy says: run `make alerts`", file)
		}
	}
}
