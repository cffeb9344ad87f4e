package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/rollout"
)

// sameUsers sends about 200 requests a second from a few users who come again
// and again, until stopped.
func (r *rig) sameUsers(users int64) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var n atomic.Int64
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	for range 8 {
		wait.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.app.proxy.Addr().String()+"/predict", strings.NewReader(`{"features":[[1]]}`))
				if err != nil {
					return
				}
				req.Header.Set("X-User-Id", fmt.Sprint("u", n.Add(1)%users))
				if res, err := client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
				}
				time.Sleep(40 * time.Millisecond)
			}
		})
	}
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); wait.Wait(); client.CloseIdleConnections() }) }
	r.t.Cleanup(stop)
	return stop
}

// A fault that begins after every user was counted is no evidence for a gate,
// which counts each of them once. The watch over repeated outcomes takes the
// traffic off, and leaves the registry to a person.
func TestAFaultAfterEveryUserWasCountedTakesTheTrafficOff(t *testing.T) {
	r := newRig(t, "10m", "10s")
	data, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), "    warm_up: 0s\n", "    warm_up: 0s\n    repeat_every: 1s\n", 1)
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.boot()
	r.ready()
	stop := r.sameUsers(100)
	r.do(rollout.Command{Kind: rollout.Start, Version: "2", Baseline: "1"})
	counted := func(v rollout.View) bool { return v.Gates[0].N.Baseline+v.Gates[0].N.Candidate >= 100 }
	r.await("every user counted", counted)
	// One in ten requests still brings a user who is new in the step until the
	// same users have come ten times: about five seconds.
	time.Sleep(10 * time.Second)
	if v := r.view(); v.Phase != rollout.Progressing || v.Weight == 0 {
		t.Fatalf("healthy, and %s(%s) at %s: %s", v.Phase, v.Reason, v.Weight, v.Message)
	}
	r.candidate.failing.Store(50)
	began := time.Now()
	v := r.await("traffic off", func(v rollout.View) bool { return v.Weight == 0 })
	t.Logf("off the traffic %.1f s after the fault began: %s", time.Since(began).Seconds(), v.Message)
	if v.Phase != rollout.Paused || v.Reason != rollout.ReasonRepeatFailures {
		t.Fatalf("%s(%s), cause %s: %s", v.Phase, v.Reason, v.Cause, v.Message)
	}
	for _, g := range v.Gates {
		if g.Verdict == "fail" {
			t.Errorf("gate %s failed: %s", g.Name, g.Reason)
		}
	}
	if b, err := r.app.book.Baseline(t.Context(), "m"); err != nil || b != "1" {
		t.Errorf("the registry's Production version is %q, %v", b, err)
	}
	served := r.candidate.served.Load()
	time.Sleep(time.Second)
	if more := r.candidate.served.Load() - served; more > 8 {
		t.Errorf("%d requests more on the candidate", more)
	}
	in := r.incidents()
	if len(in) != 1 || in[0]["kind"] != "repeat_failures" {
		t.Errorf("incidents %v", in)
	}
	// A restart does not give the traffic back.
	stop()
	r.stopped()
	r.boot()
	r.ready()
	time.Sleep(time.Second)
	if v := r.view(); v.Phase != rollout.Paused || v.Reason != rollout.ReasonRepeatFailures || v.Weight != 0 {
		t.Errorf("after a restart %s(%s) at %s", v.Phase, v.Reason, v.Weight)
	}
	r.candidate.failing.Store(0)
	if v := r.do(rollout.Command{Kind: rollout.Resume, By: "ann", Reason: "mended"}); v.Phase != rollout.Progressing || v.Weight == 0 {
		t.Errorf("resumed: %s(%s) at %s", v.Phase, v.Reason, v.Weight)
	}
	r.do(rollout.Command{Kind: rollout.Rollback, Reason: "the end"})
	r.await("rolled back", phase(rollout.RolledBack))
}
