package configs

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/drill"
)

func withDrill(t *testing.T, line string) (*Policy, error) {
	t.Helper()
	data, err := os.ReadFile("minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parse("minimal.yaml", []byte(strings.TrimRight(string(data), "\n")+"\n    drill: "+line+"\n"), testEnvironment)
}

func TestDrillOfAPolicy(t *testing.T) {
	want := map[string]drill.Config{
		"{}":                             {MaxAge: 720 * time.Hour, TrafficOff: time.Second, Registry: time.Minute},
		"{max_age: 24h, registry: 10s}":  {MaxAge: 24 * time.Hour, TrafficOff: time.Second, Registry: 10 * time.Second},
		"{max_age: 1h, traffic_off: 2s}": {MaxAge: time.Hour, TrafficOff: 2 * time.Second, Registry: time.Minute},
	}
	for line, c := range want {
		p, err := withDrill(t, line)
		if err != nil {
			t.Fatal(err)
		}
		for name, m := range p.Models {
			if m.Drill == nil || *m.Drill != c {
				t.Errorf("%s: %+v, want %+v", line, m.Drill, c)
			}
			notes := strings.Join(p.Describe(DescribeOptions{}).Models[0].Notes, "\n")
			if !strings.Contains(notes, "headgate drill "+name+") at most "+c.MaxAge.String()) {
				t.Errorf("not described: %s", notes)
			}
		}
	}
	for line, path := range map[string]string{
		"{registry: 2h}": "drill.registry", "{traffic_off: 0s}": "drill.traffic_off", "{max_age: -1h}": "drill.max_age", "{every: 1h}": "drill.every",
	} {
		if _, err := withDrill(t, line); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %s", line, err, path)
		}
	}
}
