package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/headgate/headgate/examples/sample/world"
)

const (
	underWay   = 64 // requests at the same time; more are left out
	sendLimit  = 5 * time.Second
	tellEvery  = 10 * time.Second
	userHeader = "X-User-Id"
)

// send keeps asking for predictions, a new user each time, and tells now and
// then what became of them. It ends with ctx, and waits for what is under way.
func send(ctx context.Context, url string, rate float64, talk io.Writer) {
	client := &http.Client{Timeout: sendLimit}
	defer client.CloseIdleConnections()
	var wait sync.WaitGroup
	defer wait.Wait()
	var seen tally
	slots := make(chan struct{}, underWay)
	next := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer next.Stop()
	tell := time.NewTicker(tellEvery)
	defer tell.Stop()
	for user := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tell.C:
			fmt.Fprintln(talk, "sample: "+seen.take())
		case <-next.C:
			select {
			case slots <- struct{}{}:
			default:
				continue
			}
			user++
			wait.Go(func() {
				seen.add(predict(ctx, client, url, user))
				<-slots
			})
		}
	}
}

func predict(ctx context.Context, client *http.Client, url string, user int) bool {
	u := world.Draw(rand.New(rand.NewPCG(uint64(user), 0)))
	body, err := json.Marshal(map[string]any{"features": [][]float64{u.Row[:]}, "group": u.Group})
	if err != nil {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set(userHeader, "sample-"+strconv.Itoa(user))
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}

// tally counts answers since it was last taken. Failures before the first good
// answer are the proxy's start, and not counted.
type tally struct {
	mu           sync.Mutex
	good, failed int
	started      bool
}

func (t *tally) add(ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = t.started || ok
	switch {
	case ok:
		t.good++
	case t.started:
		t.failed++
	}
}

func (t *tally) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf("%d requests answered, %d failed in the last %s", t.good, t.failed, tellEvery)
	t.good, t.failed = 0, 0
	return text
}
