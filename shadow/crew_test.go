package shadow

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever happens, a copy finds a worker: one waits, or all there may be work.
func TestOneOfTheCrewWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := crew{most: rapid.IntRange(1, 5).Draw(t, "most")}
		c.begin()
		working := 0
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				if c.waiting > 0 {
					c.taken()
					working++
				}
			case 1:
				if working > 0 {
					c.waits()
					working--
				}
			case 2:
				if c.waiting > 0 {
					c.leaves()
				}
			}
			if c.all != working+c.waiting || c.all > c.most || c.all < 1 || c.waiting == 0 && c.all < c.most {
				t.Fatalf("%d work, counted %+v", working, &c)
			}
		}
	})
}

func (u *upstream) connections() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.open)
}

// Workers come as copies do, up to concurrency, and leave one that waits, without
// a connection, when no more come.
func TestWorkersLeaveWhenNothingIsMirrored(t *testing.T) {
	const most = 8
	release := make(chan struct{}, 3*most) // one for each answer
	upstream := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = io.WriteString(w, "ok")
	})
	m := startMirror(t, Config{Limits: Limits{Concurrency: most, Timeout: time.Minute}}, Targets{Candidate: []string{upstream}},
		Options{leaveAfter: 30 * time.Millisecond})
	e := m.engine.Load()
	await := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %d workers, %d connections", what, e.crew.size(), e.targets.upstreams[0].connections())
			}
		}
	}
	if n := e.crew.size(); n != 1 {
		t.Fatalf("%d workers before the first copy", n)
	}
	for round := range 2 {
		for i := range 3 * most {
			pass(m, fmt.Sprintf("%d-%d", round, i), "{}", "ok")
		}
		await("under load", func() bool { return e.crew.size() == most && m.Snapshot().Requests.Sent == uint64(round*3*most+most) })
		for range 3 * most {
			release <- struct{}{}
		}
		if s := rest(t, m); s.Requests.Answered != uint64((round+1)*3*most) {
			t.Fatalf("round %d: %+v", round, s.Requests)
		}
		m.SetShare(0)
		await("when the step is over", func() bool { return e.crew.size() == 1 })
		m.SetShare(Full)
	}
	await("kept connections", func() bool { return e.targets.upstreams[0].connections() == 0 })
}
