package main

import "strings"

// stepsOf names the steps of a rollback's calls, up to the last mark cleared.
// Calls that come later are the watching of the registry, not the rollback.
func stepsOf(seen []seenCall) []step {
	var out []step
	last, runsRead := stepFence, 0
	for _, c := range seen {
		if strings.HasSuffix(c.path, "/runs/get") {
			runsRead++
		}
		last = nextStep(last, c, runsRead)
		out = append(out, last)
	}
	for len(out) > 0 && !strings.HasSuffix(seen[len(out)-1].path, "/model-versions/delete-tag") {
		out = out[:len(out)-1]
	}
	return out
}

// nextStep goes by the order of a rollback: fence, restoration, evidence,
// marks. The last three begin with a look at the rollout's run.
func nextStep(last step, c seenCall, runsRead int) step {
	switch {
	case isFence(c):
		return stepFence
	case runsRead >= 3:
		return stepMarks
	case runsRead == 2:
		return stepEvidence
	case strings.HasSuffix(c.path, "/runs/get"):
		return stepRun
	case c.method != "GET":
		return stepWrite
	case last == stepWrite, last == stepReadBack:
		return stepReadBack
	}
	return stepRead
}
