package kpi

import (
	"testing"
	"time"
)

// counted is what both arms counted since the last call.
type counted struct {
	r    *Recorder
	last *Snapshot
}

func (c *counted) since(name string) (b, cand Measure) {
	now := c.r.Snapshot()
	x, y := now.Since(c.last)
	c.last = now
	return x.Measures[name], y.Measures[name]
}

func (c *counted) serve(arm int, from, to uint64, failed bool) {
	for key := from; key < to; key++ {
		c.r.Record(arm, Sample{Key: key, Sticky: true, Failed: failed})
	}
}

func TestRepeatWatchSeesWhatTheFirstOutcomesCannot(t *testing.T) {
	c := &counted{r: NewRecorder(NewLayout(), Config{RepeatEvery: 10 * time.Minute})}
	c.r.BeginStep(0)
	c.serve(Candidate, 0, 100, false)
	c.serve(Candidate, 0, 100, true)
	if _, got := c.since(MeasureRepeat); got.N != 100 || got.K != 0 {
		t.Errorf("first window %+v, want 100 users, none failed", got)
	}
	c.r.Tick(10*time.Minute - 1)
	c.serve(Candidate, 0, 100, true)
	if _, got := c.since(MeasureRepeat); got.N != 0 {
		t.Errorf("the window has not ended: %+v", got)
	}
	c.r.Tick(10 * time.Minute)
	c.serve(Candidate, 0, 40, true)
	c.serve(Candidate, 0, 40, false)
	now := c.r.Snapshot()
	_, cand := now.Since(c.last)
	if got := cand.Measures[MeasureRepeat]; got.N != 40 || got.K != 40 {
		t.Errorf("second window %+v, want 40 users, all failed", got)
	}
	if cand.Requests != 0 || cand.Repeats != 80 {
		t.Errorf("first outcomes of the rollout were counted again: %+v", cand)
	}
}

func TestDrawnUsersCountOnceAStep(t *testing.T) {
	c := &counted{r: NewRecorder(NewLayout(), Config{})}
	c.serve(Baseline, 0, 10, false) // before any step
	c.r.BeginStep(0)
	c.serve(Baseline, 0, 10, false) // requests of the split before may still come in
	c.r.Tick(drawnSettle)
	c.serve(Baseline, 0, 90, false)
	c.serve(Candidate, 1000, 1010, true)
	c.r.Record(Baseline, Sample{}) // without a key: a user of its own
	c.r.Record(Baseline, Sample{})
	if b, cand := c.since(MeasureDrawn); b.N != 82 || cand.N != 10 {
		t.Errorf("drawn %d and %d, want 82 and 10", b.N, cand.N)
	}
	c.serve(Baseline, 0, 90, false)
	c.r.Tick(DefaultRepeatEvery)
	c.serve(Baseline, 0, 200, false)
	if b, _ := c.since(MeasureDrawn); b.N != 0 {
		t.Errorf("%d drawn after the step's first window", b.N)
	}
	c.r.BeginStep(1)
	c.r.Tick(DefaultRepeatEvery + drawnSettle)
	c.serve(Baseline, 0, 30, false)
	if b, _ := c.since(MeasureDrawn); b.N != 30 {
		t.Errorf("%d drawn in the next step, want 30", b.N)
	}
}

// While the breaker diverts the candidate's share, the baseline's users go on
// counting. Were drawn users counted through it, the candidate's would be new
// again afterwards.
func TestDivertedDrawsEndTheCountOfDrawnUsers(t *testing.T) {
	c := &counted{r: NewRecorder(NewLayout(), Config{})}
	c.r.BeginStep(0)
	c.r.Tick(drawnSettle)
	c.serve(Baseline, 0, 90, false)
	c.serve(Candidate, 1000, 1010, false)
	c.since(MeasureDrawn)
	c.r.Divert()
	c.serve(Baseline, 90, 180, false)
	c.r.Tick(time.Minute)
	c.serve(Candidate, 1010, 1020, false)
	if b, cand := c.since(MeasureDrawn); b.N != 0 || cand.N != 0 {
		t.Errorf("drawn %d and %d after a diversion", b.N, cand.N)
	}
	c.r.BeginStep(1)
	c.r.Tick(2 * time.Minute)
	c.serve(Baseline, 0, 9, false)
	if b, _ := c.since(MeasureDrawn); b.N != 9 {
		t.Errorf("%d drawn in the next step, want 9", b.N)
	}
}

func TestWarmUpIsInNoWindow(t *testing.T) {
	c := &counted{r: NewRecorder(NewLayout(), Config{})}
	c.r.BeginStep(0)
	c.r.SetCounting(false)
	c.r.Tick(time.Minute)
	c.serve(Candidate, 0, 10, true)
	if _, got := c.since(MeasureRepeat); got.N != 0 {
		t.Errorf("%+v in the warm-up", got)
	}
	c.r.SetCounting(true)
	c.serve(Candidate, 0, 4, false)
	if _, got := c.since(MeasureDrawn); got.N != 0 {
		t.Errorf("%d drawn before the split has settled", got.N)
	}
	c.r.Tick(time.Minute + drawnSettle)
	c.serve(Candidate, 4, 10, false)
	if _, got := c.since(MeasureDrawn); got.N != 6 {
		t.Errorf("%d drawn, want 6", got.N)
	}
}

// A window that one arm has filled rests for both: the shares would be wrong
// otherwise.
func TestFullWindowRestsForBothArms(t *testing.T) {
	c := &counted{r: NewRecorder(NewLayout(), Config{})}
	c.r.BeginStep(0)
	c.r.Tick(drawnSettle)
	c.r.watch.users.Load().arms[Baseline].limit = 50
	c.serve(Baseline, 0, 60, false)
	c.serve(Candidate, 1000, 1010, false)
	if b, cand := c.since(MeasureDrawn); b.N != 50 || cand.N != 0 || !c.r.WindowFull() {
		t.Errorf("drawn %d and %d, full %v", b.N, cand.N, c.r.WindowFull())
	}
	c.r.Tick(DefaultRepeatEvery)
	c.serve(Candidate, 1000, 1010, false)
	if _, cand := c.since(MeasureRepeat); cand.N != 10 || c.r.WindowFull() {
		t.Errorf("next window %+v, full %v", cand, c.r.WindowFull())
	}
}
