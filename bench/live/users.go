package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/examples/sample/world"
)

// users ask the model at a steady rate, click on some answers, and have their
// labels known some seconds later, most of them.
type users struct {
	rate         int
	url, desk    string
	candidateCTR atomic.Uint64 // float bits
	client       *http.Client
	sent, failed atomic.Int64
	outcomes     chan outcome
	wait         sync.WaitGroup
}

const (
	clickWithin = 4 * time.Second // the window is 5 s
	labelAfter  = time.Second
	labelWithin = 6 * time.Second // the window is 10 s
	labelled    = 0.9             // share of requests whose label becomes known
)

// outcome is one that is posted when it is due.
type outcome struct {
	due       time.Time
	RequestID string  `json:"request_id"`
	Kind      string  `json:"kind"`
	Value     float64 `json:"value"`
}

func newUsers(rate int, traffic, admin string) *users {
	u := &users{
		rate: rate, url: "http://" + traffic + "/predict", desk: "http://" + admin + "/api/v1/outcomes",
		client:   &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}},
		outcomes: make(chan outcome, 1<<16),
	}
	u.ctr(world.BaseCTR)
	return u
}

// ctr is how often users click on the candidate's answers from now on.
func (u *users) ctr(v float64) { u.candidateCTR.Store(math.Float64bits(v)) }

// run asks until ctx ends.
func (u *users) run(ctx context.Context) {
	const slice = 10 * time.Millisecond
	places := make(chan struct{}, 256)
	u.wait.Go(func() { u.post(ctx) })
	ticker := time.NewTicker(slice)
	defer ticker.Stop()
	began, asked := time.Now(), 0
	for n := uint64(0); ; {
		select {
		case <-ctx.Done():
			u.wait.Wait()
			u.client.CloseIdleConnections()
			return
		case now := <-ticker.C:
			for due := int(now.Sub(began).Seconds() * float64(u.rate)); asked < due; asked++ {
				n++
				select {
				case places <- struct{}{}:
					seed := n
					u.wait.Go(func() { u.ask(ctx, seed); <-places })
				default: // the machine is behind: users do not queue for ever
				}
			}
		}
	}
}

// ask is one user's request and what comes of it.
func (u *users) ask(ctx context.Context, n uint64) {
	r := rand.New(rand.NewPCG(n, 1))
	who := world.Draw(r)
	id := "live-" + strconv.FormatUint(n, 36) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	body, err := json.Marshal(map[string]any{"features": [][]float64{who.Row[:]}, "group": who.Group})
	if err != nil {
		panic("BUG: a question does not marshal: " + err.Error())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-User-Id", id)
	req.Header.Set("X-Request-Id", id)
	res, err := u.client.Do(req)
	u.sent.Add(1)
	if err != nil {
		u.failed.Add(1)
		return
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	arm := res.Header.Get("X-Headgate-Arm")
	if err != nil || res.StatusCode != http.StatusOK {
		if arm == "baseline" {
			u.failed.Add(1)
		}
		return
	}
	u.react(r, id, arm, who)
}

// react is what becomes known of the answer.
func (u *users) react(r *rand.Rand, id, arm string, who world.User) {
	ctr := world.BaseCTR
	if arm == "candidate" {
		ctr = math.Float64frombits(u.candidateCTR.Load())
	}
	now := time.Now()
	after := func(d time.Duration) time.Time { return now.Add(time.Duration(r.Float64() * float64(d))) }
	if r.Float64() < ctr {
		u.outcomes <- outcome{due: after(clickWithin), RequestID: id, Kind: "click", Value: 1}
	}
	if label := world.Label(who.Row[:], r.Float64()); r.Float64() < labelled {
		u.outcomes <- outcome{due: after(labelWithin).Add(labelAfter), RequestID: id, Kind: "label", Value: float64(label)}
	}
}

// post sends what is due, twice a second.
func (u *users) post(ctx context.Context) {
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	var waiting []outcome
	for {
		select {
		case <-ctx.Done():
			for len(u.outcomes) > 0 {
				<-u.outcomes
			}
			return
		case o := <-u.outcomes:
			waiting = append(waiting, o)
		case now := <-ticker.C:
			var due, later []outcome
			for _, o := range waiting {
				if o.due.Before(now) {
					due = append(due, o)
				} else {
					later = append(later, o)
				}
			}
			waiting = later
			u.send(ctx, due)
		}
	}
}

func (u *users) send(ctx context.Context, due []outcome) {
	for len(due) > 0 {
		n := min(len(due), 2000)
		body, err := json.Marshal(map[string]any{"outcomes": due[:n]})
		if err != nil {
			panic("BUG: outcomes do not marshal: " + err.Error())
		}
		due = due[n:]
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.desk, bytes.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if res, err := u.client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	}
}
