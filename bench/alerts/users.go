package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// users are live traffic at an even rate, each request a new user. Times count
// from when a request was due, so that a stall shows in all it held up.
type users struct {
	client *http.Client
	stop   context.CancelFunc
	wait   sync.WaitGroup
	next   atomic.Int64
	failed atomic.Int64

	mu    sync.Mutex
	times []time.Duration
}

const senders = 50

func startUsers(address string, rate int) *users {
	ctx, cancel := context.WithCancel(context.Background())
	u := &users{stop: cancel, client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}}
	every := senders * time.Second / time.Duration(rate)
	begin := time.Now()
	for i := range senders {
		u.wait.Go(func() { u.send(ctx, "http://"+address+"/predict", begin.Add(time.Duration(i)*every/senders), every) })
	}
	return u
}

func (u *users) close() {
	u.stop()
	u.wait.Wait()
	u.client.CloseIdleConnections()
}

func (u *users) send(ctx context.Context, url string, due time.Time, every time.Duration) {
	for ; ctx.Err() == nil; due = due.Add(every) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		if err := u.ask(ctx, url); err != nil && ctx.Err() == nil {
			u.failed.Add(1)
			continue
		}
		took := time.Since(due)
		u.mu.Lock()
		u.times = append(u.times, took)
		u.mu.Unlock()
	}
}

func (u *users) ask(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"features":[[1]]}`))
	if err != nil {
		return err
	}
	req.Header.Set("X-User-Id", fmt.Sprint("u", u.next.Add(1)))
	res, err := u.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", res.Status)
	}
	return nil
}

// take returns what was measured since the last call, sorted.
func (u *users) take() []time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := u.times
	u.times = nil
	slices.Sort(out)
	return out
}

// quantile of sorted times; 0 without any.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
