package main

import (
	"os"
	"testing"
	"time"

	"github.com/headgate/headgate/bench/internal/daemon"
	"github.com/headgate/headgate/internal/alerts"
	"github.com/headgate/headgate/internal/registry/mlflowtest"
	"github.com/headgate/headgate/rollback"
)

func TestMain(m *testing.M) {
	if os.Getenv(senderEnv) != "" {
		os.Exit(sendMain())
	}
	os.Exit(m.Run())
}

// TestAlarm: a gate that the judge is told not to act on is beyond its limit; a
// rule made from it fires in a real Prometheus, two real Alertmanagers send it,
// and the promoted candidate goes, out of a real MLflow too.
func TestAlarm(t *testing.T) {
	dir := t.TempDir()
	binary, err := daemon.Built(t.Context(), "", dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := soundAlarm(t.Context(), binary, dir, mlflowtest.Line2)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", got)
	in := got.incident
	if in.Cause != "alert" || in.Phase != "baking" || in.Alert.Labels["gate"] != "latency" || in.Alert.Labels["headgate"] != "1" || in.Registry.Result != "done" {
		t.Errorf("incident: cause %s in %s, labels %v, registry %s", in.Cause, in.Phase, in.Alert.Labels, in.Registry.Result)
	}
	if got.stages != "1:Production 2:Archived" {
		t.Errorf("MLflow says %s", got.stages)
	}
	// Half a millisecond is measured. A loaded machine may stop any process for
	// longer than the bound of 100 ms, which `make alarm` holds; that the alert did
	// it, and nothing slower such as a gate, shows in seconds too.
	if off := got.trafficOff(); off < 0 || off > 2*time.Second {
		t.Errorf("traffic off after %s", off)
	}
	if got.last.After(in.Times.TrafficOffAt.Add(time.Second)) {
		t.Errorf("the candidate was asked at %s, traffic was off at %s", got.last, in.Times.TrafficOffAt)
	}
	if got.records != 1 || got.taken < 2 {
		t.Errorf("%d decisions about %d alerts that came, want 1 about 2 or more", got.records, got.taken)
	}
}

// TestTheBoundOfTheAlarm is what `make alarm` fails by.
func TestTheBoundOfTheAlarm(t *testing.T) {
	received := time.Now()
	for off, ok := range map[time.Duration]bool{0: true, 100 * time.Millisecond: true, 101 * time.Millisecond: false, -time.Millisecond: false} {
		at := received.Add(off)
		in := rollback.Incident{Alert: &alerts.Alert{ReceivedAt: received}, Times: rollback.Times{TrafficOffAt: &at}}
		if err := (alarmTimes{incident: in}).check(); (err == nil) != ok {
			t.Errorf("off after %s: %v", off, err)
		}
	}
}

// TestStorm is a short `make alert-storm`: the same rates, and no word about
// times, which belong to a machine that does nothing else.
func TestStorm(t *testing.T) {
	dir := t.TempDir()
	binary, err := daemon.Built(t.Context(), "", dir)
	if err != nil {
		t.Fatal(err)
	}
	p := stormPlan{rounds: 1, rate: 1000, lasts: 2 * time.Second}
	r, err := storm(t.Context(), binary, dir, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", r.table(p))
	if err := r.check(); err != nil {
		t.Error(err)
	}
	if s := r.here[0].sent; s.OK < s.Sent*9/10 || s.Sent < 1500 {
		t.Errorf("%+v: most of a storm should be answered", s)
	}
}
