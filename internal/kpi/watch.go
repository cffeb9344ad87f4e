package kpi

import (
	"sync/atomic"
	"time"
)

const (
	// maxWindowKeys is how many users of an arm a window tells apart.
	maxWindowKeys = 3 << 16
	// drawnSettle is how long after a change of the split nobody counts as drawn:
	// requests drawn by the split before are still answered then.
	drawnSettle = 5 * time.Second
)

// users are those of both arms in the present window.
type users struct {
	arms [arms]keySet
	full atomic.Bool // an arm ran over: neither counts until the next window
}

func newUsers() *users {
	u := &users{}
	for arm := range u.arms {
		u.arms[arm].ladder, u.arms[arm].limit = windowLadder[:], maxWindowKeys
	}
	return u
}

// first reports whether the key comes to the arm for the first time in the
// window.
func (u *users) first(arm int, key uint64) bool {
	if u.full.Load() {
		return false
	}
	switch u.arms[arm].add(key) {
	case keyNew:
		return true
	case keyFull:
		u.full.Store(true)
	case keySeen:
	}
	return false
}

// watch counts each user once a window: for failures that begin after every
// user of the rollout was counted, and, in the first window of a step, for the
// shares of users that the arms were drawn for.
//
// Record reads what is atomic; everything else belongs to the one caller of
// tick, beginStep and divert.
type watch struct {
	every   time.Duration
	users   atomic.Pointer[users]
	drawing atomic.Bool // those who are counted were also drawn for the first time in the step

	counting bool
	shares   bool // the step's drawn users can still be counted
	emptied  time.Duration
	settled  time.Duration // nobody counts as drawn before
	now      time.Duration
}

func (w *watch) begin(every time.Duration) {
	w.every = every
	if w.every <= 0 {
		w.every = DefaultRepeatEvery
	}
	w.users.Store(newUsers())
}

// beginStep empties the window; the split is another one from now on.
func (w *watch) beginStep() {
	w.shares = true
	w.empty()
	w.unsettle()
}

// unsettle: the split has changed, or counting has begun.
func (w *watch) unsettle() {
	w.settled = w.now + min(drawnSettle, w.every/2)
	w.redraw()
}

// divert ends the count of drawn users for the step. The candidate's share goes
// to the baseline uncounted, while the baseline's own users count: those of the
// candidate would come back later as if they were new.
func (w *watch) divert() {
	w.shares = false
	w.redraw()
}

func (w *watch) count(on bool) {
	w.counting = on
	w.unsettle()
}

// tick brings the served time.
func (w *watch) tick(now time.Duration) {
	w.now = max(w.now, now)
	if w.now-w.emptied >= w.every {
		w.shares = false // a user would be drawn twice
		w.empty()
	}
	w.redraw()
}

func (w *watch) empty() {
	w.emptied = w.now
	u := w.users.Load()
	if u.arms[Baseline].count.Load()+u.arms[Candidate].count.Load() > 0 || u.full.Load() {
		w.users.Store(newUsers())
	}
}

func (w *watch) redraw() {
	w.drawing.Store(w.shares && w.counting && w.now >= w.settled)
}
