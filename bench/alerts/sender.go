package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// senderEnv names the file with the order of a process that only sends.
const senderEnv = "HEADGATE_ALERT_STORM"

// order is what the sending process is to do.
type order struct {
	URL, Token, Body string
	Rate             int
	Seconds          float64
}

// sent counts the answers.
type sent struct{ Sent, OK, Busy, Other, Decided int }

// sender runs this program again as the two Alertmanagers.
func sender(ctx context.Context, file string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), senderEnv+"="+file)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the senders: %w", err)
	}
	return out, nil
}

// sendMain is the sending process: two senders, half of the rate each.
func sendMain() int {
	var o order
	data, err := os.ReadFile(os.Getenv(senderEnv))
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var total sent
	var mu sync.Mutex
	var wait sync.WaitGroup
	for i := range 2 {
		wait.Go(func() {
			s := sendHalf(o, fmt.Sprintf("http://alertmanager-%d:9093", i))
			mu.Lock()
			defer mu.Unlock()
			total = sent{total.Sent + s.Sent, total.OK + s.OK, total.Busy + s.Busy, total.Other + s.Other, total.Decided + s.Decided}
		})
	}
	wait.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(total); err != nil {
		return 1
	}
	return 0
}

// lanes are how many messages one sender has under way; more would be held up
// by Headgate's own bound.
const lanes = 4

func sendHalf(o order, external string) (total sent) {
	body := strings.Replace(o.Body, "http://alertmanager:9093", external, 1)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: lanes}}
	every := time.Duration(2 * lanes * float64(time.Second) / float64(o.Rate))
	begin := time.Now()
	end := begin.Add(time.Duration(o.Seconds * float64(time.Second)))
	var mu sync.Mutex
	var wait sync.WaitGroup
	for i := range lanes {
		wait.Go(func() {
			var s sent
			for due := begin.Add(time.Duration(i) * every / lanes); due.Before(end); due = due.Add(every) {
				time.Sleep(time.Until(due))
				s.count(one(client, o, body))
			}
			mu.Lock()
			defer mu.Unlock()
			total = sent{total.Sent + s.Sent, total.OK + s.OK, total.Busy + s.Busy, total.Other + s.Other, total.Decided + s.Decided}
		})
	}
	wait.Wait()
	return total
}

func (s *sent) count(status int, answer string) {
	s.Sent++
	switch status {
	case http.StatusOK:
		s.OK++
	case http.StatusServiceUnavailable:
		s.Busy++
	default:
		s.Other++
	}
	if strings.Contains(answer, `"decision":"rolled_back"`) {
		s.Decided++
	}
}

// one sends a message; status 0 is no answer.
func one(client *http.Client, o order, body string) (int, string) {
	req, err := http.NewRequest(http.MethodPost, o.URL, strings.NewReader(body))
	if err != nil {
		return 0, ""
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+o.Token)
	res, err := client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, ""
	}
	return res.StatusCode, string(answer)
}

// sink takes alerts and does nothing with them.
type sink struct {
	listener net.Listener
	server   *http.Server
	served   sync.WaitGroup
}

func newSink() (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{listener: l, server: &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // nothing of it is wanted
		w.WriteHeader(http.StatusOK)
	})}}
	s.served.Go(func() { _ = s.server.Serve(l) }) // ends with stop
	return s, nil
}

func (s *sink) url() string { return "http://" + s.listener.Addr().String() }

func (s *sink) stop() {
	_ = s.server.Close() // nothing of it is kept
	s.served.Wait()
}
