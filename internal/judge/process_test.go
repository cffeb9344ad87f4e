package judge

import (
	"math"
	"testing"
	"time"
)

func TestRestartsSpendHalfTheMass(t *testing.T) {
	for _, c := range []struct {
		planned time.Duration
		slots   int
	}{{time.Hour, 1440}, {48 * time.Hour, 2880}} {
		r := newRestarts(c.planned)
		if r.slots != c.slots {
			t.Errorf("%v: %d slots, want %d", c.planned, r.slots, c.slots)
		}
		p := newFailProcess(alternatives)
		for at := time.Duration(0); at <= 100*time.Hour; at += 45 * time.Second {
			p.restart(r, at)
			// Moving mass is neither evidence for nor against.
			if e := math.Exp(p.logE()); math.Abs(e-1) > 1e-9 {
				t.Fatalf("E = %v after %v without a stratum", e, at)
			}
		}
		if p.Slot != c.slots || p.Left > 1e-12 {
			t.Errorf("%d slots used, %v left", p.Slot, p.Left)
		}
	}
}

func TestRestartsFindALateRegression(t *testing.T) {
	r := newRestarts(time.Hour)
	p := newFailProcess(alternatives)
	n := null{a: 1}
	for s := range 7200 { // two healthy hours
		p.restart(r, time.Duration(s)*time.Second)
		p.add(n, tally{kc: 5 * .005, nc: 5, kb: 45 * .005, nb: 45}, .005, failRatios)
	}
	took := 0
	for ; p.logE() < math.Log(20) && took < 1000; took++ {
		p.add(n, tally{kc: 5 * .105, nc: 5, kb: 45 * .005, nb: 45}, .005, failRatios)
	}
	if took > 30 {
		t.Errorf("+10 points after two healthy hours took %d s, want at most 30", took)
	}
}

func TestEvidenceNeitherOverflowsNorVanishes(t *testing.T) {
	p := newFailProcess(alternatives)
	for range 1000 {
		p.add(null{a: 1}, tally{kc: 1e6, nc: 1e6, nb: 1e6}, .005, failRatios)
	}
	if e := shown(p.logE()); e != 1e300 && math.Abs(e/1e300-1) > 1e-9 {
		t.Errorf("E = %v, want the cap", e)
	}
	for range 4000 {
		p.add(null{a: 1}, tally{nc: 1e6, kb: 1e6, nb: 1e6}, .005, failRatios)
	}
	if e := math.Exp(p.logE()); e < .49 || e > .51 {
		t.Errorf("E = %v, want the half that has not started", e)
	}
}
