package drill

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the made-up users: about a hundred requests a second, for thirty
// seconds at most.
const (
	usersAtOnce  = 10
	userPause    = 100 * time.Millisecond
	trafficLimit = 30 * time.Second
	userPatience = 5 * time.Second
)

// userHeader carries the key of a made-up user.
const userHeader = "X-Drill-User"

// users ask the drill's own proxy, a new user each time, and note what they get.
type users struct {
	address string
	client  *http.Client
	wait    sync.WaitGroup
	cancel  context.CancelFunc
	ended   chan struct{}

	next, failed, after, failedAfter atomic.Uint64
	firstFailure                     atomic.Pointer[time.Time]
	off                              atomic.Pointer[time.Time] // what begins later counts as after
}

func newUsers(ctx context.Context, address string) *users {
	u := &users{address: "http://" + address + "/predict", ended: make(chan struct{})}
	u.client = &http.Client{Timeout: userPatience, Transport: &http.Transport{MaxIdleConnsPerHost: usersAtOnce}}
	ctx, u.cancel = context.WithTimeout(ctx, trafficLimit)
	for range usersAtOnce {
		u.wait.Go(func() { u.ask(ctx) })
	}
	go func() { u.wait.Wait(); close(u.ended) }()
	return u
}

func (u *users) ask(ctx context.Context) {
	tick := time.NewTicker(userPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		ok := u.once(ctx)
		if ctx.Err() != nil {
			return // cut by us, and no answer
		}
		u.count(began, ok)
	}
}

func (u *users) count(began time.Time, ok bool) {
	off := u.off.Load()
	late := off != nil && began.After(*off)
	if late {
		u.after.Add(1)
	}
	if ok {
		return
	}
	now := time.Now()
	u.firstFailure.CompareAndSwap(nil, &now)
	u.failed.Add(1)
	if late {
		u.failedAfter.Add(1)
	}
}

func (u *users) once(ctx context.Context) bool {
	n := u.next.Add(1)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.address, strings.NewReader(`{"features":[[0]]}`))
	if err != nil {
		panic("BUG: the drill's address is no URL: " + err.Error())
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(userHeader, fmt.Sprint("drill-", n))
	res, err := u.client.Do(req)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close() // read to its end
	return err == nil && res.StatusCode == http.StatusOK
}

// stop ends them; it may be called again.
func (u *users) stop() {
	u.cancel()
	<-u.ended
	u.client.CloseIdleConnections()
}

func (u *users) traffic(c *standIn) Traffic {
	return Traffic{
		Requests: u.next.Load(), Failed: u.failed.Load(), Candidate: c.asked.Load(),
		After: u.after.Load(), FailedAfter: u.failedAfter.Load(),
	}
}
