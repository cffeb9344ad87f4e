package configs

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"false_rollback", "gates", "hold", "on_inconclusive", "plan", "weight"}
	for got, want := range map[string]string{
		"wieght": "weight", "gate": "gates", "Plan": "plan", "false-rollback": "false_rollback", "on_inconclusiv": "on_inconclusive",
		"holds": "hold", "shadow": "", "x": "", "": "",
	} {
		if near := nearest(known, got); near != want {
			t.Errorf("%q: %q, want %q", got, near, want)
		}
	}
}
