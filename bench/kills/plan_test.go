package main

import (
	"slices"
	"testing"
)

// seen is what a rollback in the canary was seen to call on MLflow 2.14.3.
var seen = []seenCall{
	{"POST", "/api/2.0/mlflow/runs/log-parameter", `{"key":"headgate.rollback","run_id":"r","value":"gate"}`},
	{"GET", "/api/2.0/mlflow/runs/get", ""},
	{"GET", "/api/2.0/mlflow/registered-models/get", ""},
	{"GET", "/api/2.0/mlflow/model-versions/search", ""},
	{"POST", "/api/2.0/mlflow/model-versions/transition-stage", ""},
	{"GET", "/api/2.0/mlflow/registered-models/get", ""},
	{"GET", "/api/2.0/mlflow/model-versions/search", ""},
	{"GET", "/api/2.0/mlflow/runs/get", ""},
	{"PUT", "/api/2.0/mlflow-artifacts/artifacts/x", ""},
	{"POST", "/api/2.0/mlflow/model-versions/set-tag", ""},
	{"GET", "/api/2.0/mlflow/runs/get", ""},
	{"POST", "/api/2.0/mlflow/runs/update", ""},
	{"DELETE", "/api/2.0/mlflow/model-versions/delete-tag", ""},
	{"DELETE", "/api/2.0/mlflow/model-versions/delete-tag", ""},
	{"GET", "/api/2.0/mlflow/registered-models/get", ""},
}

func TestStepsOfARollback(t *testing.T) {
	want := []step{
		stepFence, stepRun, stepRead, stepRead, stepWrite, stepReadBack, stepReadBack,
		stepEvidence, stepEvidence, stepEvidence, stepMarks, stepMarks, stepMarks, stepMarks,
	}
	if got := stepsOf(seen); !slices.Equal(got, want) {
		t.Errorf("steps %v, want %v", got, want)
	}
}

func TestSpreadCoversEveryCallAndEveryMomentThatDecides(t *testing.T) {
	steps := stepsOf(seen)
	jobs := spread(200, calls{inCanary: steps, inBake: steps}, newRandom(1))
	phases, points, atCall, watches := map[string]int{}, map[point]int{}, map[int]int{}, map[watch]int{}
	for _, j := range jobs {
		phases[j.phase]++
		points[j.point]++
		atCall[j.point.call]++
		watches[j.point.watch]++
	}
	if phases[inCanary] != 100 || phases[inBake] != 100 {
		t.Errorf("phases %v, want half and half", phases)
	}
	for i, s := range steps {
		for m := before; m <= after && s < stepEvidence; m++ {
			p := point{call: i + 1, moment: m, step: s}
			if points[p] != 4 {
				t.Errorf("%s: %d kills, want two in each phase", p, points[p])
			}
		}
		if atCall[i+1] < 2 {
			t.Errorf("call %d (%s): %d kills, want one in each phase or more", i+1, s, atCall[i+1])
		}
	}
	for w := range watchSteps {
		if watches[w] < 4 {
			t.Errorf("%s: %d kills, want 4 or more", watchSteps[w], watches[w])
		}
	}
}

func TestAFewKillsAreSpreadToo(t *testing.T) {
	steps := stepsOf(seen)
	jobs := spread(9, calls{inCanary: steps, inBake: steps}, newRandom(1))
	phases := map[string]int{}
	for _, j := range jobs {
		phases[j.phase]++
	}
	if phases[inCanary] != 5 || phases[inBake] != 4 {
		t.Errorf("phases %v, want 5 and 4", phases)
	}
}

func TestOneKillInEachStep(t *testing.T) {
	steps := stepsOf(seen)
	jobs := onePerStep(calls{inCanary: steps, inBake: steps}, newRandom(1))
	got := map[step]int{}
	phases := map[string]int{}
	for _, j := range jobs {
		got[j.point.step]++
		phases[j.phase]++
	}
	for s := stepFailing; s <= stepEnd; s++ {
		if got[s] != 1 {
			t.Errorf("%s: %d kills, want 1", s, got[s])
		}
	}
	if phases[inCanary] != 7 || phases[inBake] != 7 {
		t.Errorf("phases %v, want half and half", phases)
	}
}
