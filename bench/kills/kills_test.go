package main

import (
	"bytes"
	"sync"
	"testing"

	"github.com/headgate/headgate/internal/registry/mlflowtest"
)

// TestOneKillPerStep is a small `make kills`: one kill -9 in each step of a
// rollback against a real MLflow, beside a rollback with an MLflow that answers
// late; then one without MLflow.
func TestOneKillPerStep(t *testing.T) {
	r, err := newRig(t.Context(), testTalk{t}, "", mlflowtest.Line2, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close(false) })
	found, err := r.calibrate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() { r.holds(t, late(r.workers[2].relay), inCanary) })
	jobs := onePerStep(found, newRandom(7))
	results := r.spend(t.Context(), r.workers[:2], jobs)
	wait.Wait()
	if len(results) != len(jobs) || len(jobs) < 14 {
		t.Errorf("%d of %d kills done", len(results), len(jobs))
	}
	for _, res := range results {
		for _, v := range res.violations {
			t.Errorf("%s, %s: %s", res.job.point, res.job.phase, v)
		}
	}
	r.holds(t, stopped(r.mlflow), inBake)
}

// holds rolls back without a registry on the third worker.
func (r *rig) holds(t *testing.T, away trouble, phase string) {
	o, err := r.without(t.Context(), r.workers[2], away, phase)
	if err != nil {
		t.Error(err)
	}
	for _, v := range o.violations {
		t.Error(v)
	}
}

// testTalk is the progress in the test's log.
type testTalk struct{ t *testing.T }

func (l testTalk) Write(p []byte) (int, error) {
	l.t.Log(string(bytes.TrimRight(p, "\n")))
	return len(p), nil
}
