package judge

import (
	"math"
	"testing"
)

func TestFailingAveragesAndPassingTakesTheWeakest(t *testing.T) {
	strong, weak := newFailProcess(alternatives), newFailProcess(alternatives)
	strong.Started[3] = math.Log(59.55) // E = 1 − 0.05 + 59.55
	s := gateState{Fail: []failProcess{strong, weak, weak}, Pass: []passProcess{{Best: 5}, {Best: 2}, {Best: 7}}}
	g := &gate{rollback: &test{cond: Condition{subject: subject{family: tail}}}}
	if e := math.Exp(g.failE(&s)); math.Abs(e-(60.5+2)/3) > 0.02 {
		t.Errorf("E toward failing is %v, want the average of about 60.5, 1 and 1", e)
	}
	if ln := g.passE(&s); ln != 2 {
		t.Errorf("ln E toward passing is %v, want that of the weakest, 2", ln)
	}
}
