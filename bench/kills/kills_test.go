package main

import (
	"bytes"
	"testing"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

// TestOneKillPerStep is a small `make kills`: one kill -9 in each step of a
// rollback against a real MLflow, then rollbacks without a registry.
func TestOneKillPerStep(t *testing.T) {
	talk := testTalk{t}
	r, err := newRig(t.Context(), talk, "", mlflowtest.Line2, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close(false) })
	found, err := r.calibrate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	jobs := onePerStep(found, newRandom(7))
	results := r.spend(t.Context(), jobs)
	if len(results) != len(jobs) || len(jobs) < 14 {
		t.Errorf("%d of %d kills done", len(results), len(jobs))
	}
	for _, res := range results {
		for _, v := range res.violations {
			t.Errorf("%s, %s: %s", res.job.point, res.job.phase, v)
		}
	}
	h := r.workers[0]
	for _, without := range []struct {
		trouble trouble
		phase   string
	}{{late(h.relay), inCanary}, {stopped(r.mlflow), inBake}} {
		o, err := r.without(t.Context(), h, without.trouble, without.phase)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range o.violations {
			t.Error(v)
		}
	}
}

// testTalk is the progress in the test's log.
type testTalk struct{ t *testing.T }

func (l testTalk) Write(p []byte) (int, error) {
	l.t.Log(string(bytes.TrimRight(p, "\n")))
	return len(p), nil
}
