package main

import "fmt"

// The phases in which the rollback begins.
const (
	inCanary = "canary"
	inBake   = "bake"
)

// moment is when, seen from a call to MLflow, the kill comes.
type moment int

const (
	before   moment = iota // the call is not forwarded
	withheld               // the call is forwarded, its answer never arrives
	after                  // the answer was passed on
)

func (m moment) String() string {
	switch m {
	case before:
		return "before the call"
	case withheld:
		return "answer withheld"
	case after:
		return "after the answer"
	}
	panic(fmt.Sprintf("BUG: unknown moment %d", int(m)))
}

// point is where a kill comes: a watched event, or a call to MLflow counted
// from the first one of the rollback.
type point struct {
	watch  watch
	call   int // from 1; 0 for watched events
	moment moment
	step   step
}

func (p point) String() string {
	if p.call == 0 {
		return p.step.String()
	}
	return fmt.Sprintf("%s (call %d), %s", p.step, p.call, p.moment)
}

// watch is an event that is seen without the registry.
type watch int

const (
	watchNothing watch = iota
	watchFailing       // a random 0–1 s after the candidate began to fail
	watchTraffic       // a user of the candidate gets the baseline
	watchJournal       // the journal's files of the record change
	watchSoon          // a random 0–30 ms after the traffic
	watchTicket        // the first file of the incident appears
	watchKept          // the incident is there
	watchEnd           // the status API says rolled_back
)

// step of a rollback, in its order.
type step int

const (
	stepFailing step = iota
	stepTraffic
	stepSoon
	stepJournal
	stepFence
	stepRun
	stepRead
	stepWrite
	stepReadBack
	stepEvidence
	stepMarks
	stepTicket
	stepKept
	stepEnd
)

var stepNames = map[step]string{
	stepFailing:  "0–1 s after the first failure",
	stepTraffic:  "traffic is off the candidate",
	stepSoon:     "0–30 ms after the traffic",
	stepJournal:  "the journal's files change",
	stepFence:    "MLflow: rollback fence",
	stepRun:      "MLflow: rollout's run is read",
	stepRead:     "MLflow: versions are read",
	stepWrite:    "MLflow: stage or alias is written",
	stepReadBack: "MLflow: versions are read back",
	stepEvidence: "MLflow: evidence is left",
	stepMarks:    "MLflow: marks are cleared",
	stepTicket:   "the incident begins to appear",
	stepKept:     "the incident is there",
	stepEnd:      "status says rolled_back",
}

func (s step) String() string { return stepNames[s] }

var watchSteps = map[watch]step{
	watchFailing: stepFailing, watchTraffic: stepTraffic, watchSoon: stepSoon, watchJournal: stepJournal,
	watchTicket: stepTicket, watchKept: stepKept, watchEnd: stepEnd,
}

func watched(w watch) point { return point{watch: w, step: watchSteps[w]} }
