package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// kind of a request.
type kind int

const (
	prediction kind = iota
	slow            // a prediction that takes one or two seconds
	stream
)

// longEvery is the time between two streams, and between two slow requests: some
// of both are under way at any moment.
const longEvery = 250 * time.Millisecond

// answer is what became of one request. Version and arrived are the backend's
// word; they are empty when err is not nil.
type answer struct {
	kind            kind
	user            int
	due, sent, done time.Duration
	version         string
	arrived         time.Duration
	err             error
}

// load is users' traffic: each request is sent when it is due, however many are
// under way.
type load struct {
	url    string
	client *http.Client
	stop   context.CancelFunc
	paces  sync.WaitGroup // who sends
	wait   sync.WaitGroup // what is under way

	mu      sync.Mutex
	answers []answer
}

// startLoad sends rate predictions a second, from users in turn; 0 users: each
// request is another's.
func startLoad(address string, rate, users int) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{url: "http://" + address, stop: cancel, client: &http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 1024, IdleConnTimeout: 30 * time.Second},
	}}
	l.pace(ctx, time.Second/time.Duration(rate), func(i int) answer {
		if users > 0 {
			i %= users
		}
		return answer{kind: prediction, user: i}
	})
	l.pace(ctx, longEvery, func(i int) answer { return answer{kind: slow, user: i} })
	l.pace(ctx, longEvery, func(i int) answer { return answer{kind: stream, user: i} })
	return l
}

// pace sends one after the other at an even rate.
func (l *load) pace(ctx context.Context, every time.Duration, what func(i int) answer) {
	first := now()
	l.paces.Go(func() {
		for i := 0; ; i++ {
			a := what(i)
			a.due = first + time.Duration(i)*every
			select {
			case <-ctx.Done():
				return
			case <-time.After(a.due - now()):
			}
			l.wait.Go(func() { l.ask(a) })
		}
	})
}

// end lets everything under way come to its end and returns all answers.
func (l *load) end() []answer {
	l.stop()
	l.paces.Wait()
	l.wait.Wait()
	l.client.CloseIdleConnections()
	return l.soFar()
}

// soFar are the answers that have come.
func (l *load) soFar() []answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]answer(nil), l.answers...)
}

// served is how many predictions were sent after that moment and are answered.
func (l *load) served(after time.Duration) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.answers {
		if a.err == nil && a.kind == prediction && a.sent > after {
			n++
		}
	}
	return n
}

func (l *load) ask(a answer) {
	a.sent = now()
	var s said
	if a.kind == stream {
		s, a.err = l.follow(a)
	} else {
		s, a.err = l.predict(a)
	}
	a.done, a.version, a.arrived = now(), s.Version, s.Arrived
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, a)
}

// send does the request; an answer that is not 200 is an error.
func (l *load) send(a answer, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequest(method, l.url+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-User-Id", fmt.Sprintf("user-%d-%d", a.kind, a.user))
	if a.kind == slow {
		req.Header.Set(slowHeader, (time.Second + time.Duration(a.user%5)*250*time.Millisecond).String())
	}
	res, err := l.client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(res.Body, 200))
		return nil, errors.Join(fmt.Errorf("%s: %s", res.Status, text), err, res.Body.Close())
	}
	return res, nil
}

// predict sends a body; the answer has to be to it.
func (l *load) predict(a answer) (s said, err error) {
	id := fmt.Sprintf("%d-%d", a.kind, a.due)
	res, err := l.send(a, http.MethodPost, "/predict", strings.NewReader(`{"features": [[1,2,3,4,5,6,7,8]], "id": "`+id+`"}`))
	if err != nil {
		return s, err
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or broken
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, json.Unmarshal(body, &s)); err != nil {
		return s, err
	}
	if s.ID != id {
		return s, fmt.Errorf("asked %q, answered %q", id, s.ID)
	}
	return s, nil
}

// follow reads a stream to its end: every event, all from one colour.
func (l *load) follow(a answer) (first said, err error) {
	res, err := l.send(a, http.MethodGet, "/stream", http.NoBody)
	if err != nil {
		return first, err
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or broken
	n := 0
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		var s said
		if err := json.Unmarshal(data, &s); err != nil {
			return first, fmt.Errorf("event %d of a stream: %w", n+1, err)
		}
		if n++; n == 1 {
			first = s
		}
		if s.Event != n || s.Version != first.Version {
			return first, fmt.Errorf("event %d of a stream of version %s: got event %d of version %s", n, first.Version, s.Event, s.Version)
		}
	}
	if err := lines.Err(); err != nil {
		return first, err
	}
	if n != events {
		return first, fmt.Errorf("a stream ended after %d of %d events", n, events)
	}
	return first, nil
}
