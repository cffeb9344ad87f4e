package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// About 200 requests a second, evenly spread.
const (
	senders   = 8
	sendEvery = 40 * time.Millisecond
)

// users are the live traffic on one Headgate, each request a new user.
type users struct {
	url    string
	client *http.Client
	stop   context.CancelFunc
	wait   sync.WaitGroup
	next   atomic.Int64
	// answered and failed on the baseline's arm; unanswered are those that met
	// no Headgate, which is to be expected while it is dead.
	answered, failed, unanswered atomic.Int64
}

func startUsers(address string) *users {
	ctx, cancel := context.WithCancel(context.Background())
	u := &users{
		url: "http://" + address + "/predict", stop: cancel,
		client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}
	for i := range senders {
		u.wait.Go(func() { u.send(ctx, time.Duration(i)*sendEvery/senders) })
	}
	return u
}

func (u *users) close() {
	u.stop()
	u.wait.Wait()
	u.client.CloseIdleConnections()
}

func (u *users) send(ctx context.Context, first time.Duration) {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(sendEvery)
		arm, status, err := u.ask(ctx, fmt.Sprint("u", u.next.Add(1)))
		switch {
		case err != nil:
			u.unanswered.Add(1)
		case arm == "baseline" && status != http.StatusOK:
			u.failed.Add(1)
		case arm == "baseline":
			u.answered.Add(1)
		}
	}
}

// ask sends one request of a user and says who answered.
func (u *users) ask(ctx context.Context, user string) (arm string, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, strings.NewReader(`{"features":[[1]]}`))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("X-User-Id", user)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(sentHeader, strconv.FormatInt(int64(since(time.Now())), 10))
	res, err := u.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	return res.Header.Get("X-Headgate-Arm"), res.StatusCode, err
}

// candidateUser finds somebody whom the split sends to the candidate.
func (u *users) candidateUser(ctx context.Context) (string, error) {
	for range 200 {
		user := fmt.Sprint("watcher", u.next.Add(1))
		arm, _, err := u.ask(ctx, user)
		if err != nil {
			return "", fmt.Errorf("look for a user of the candidate: %w", err)
		}
		if arm == "candidate" {
			return user, nil
		}
	}
	return "", fmt.Errorf("look for a user of the candidate: none among 200")
}

// awaitOff asks for one user again and again until the baseline answers: the
// traffic is off. The user's repeats are no evidence for the judge.
func (u *users) awaitOff(ctx context.Context, user string) error {
	for ctx.Err() == nil {
		arm, _, err := u.ask(ctx, user)
		if err != nil {
			return fmt.Errorf("watch the traffic: %w", err)
		}
		if arm == "baseline" {
			return nil
		}
		time.Sleep(100 * time.Microsecond)
	}
	return ctx.Err()
}
