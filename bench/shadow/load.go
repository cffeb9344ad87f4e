package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// connections of the load; more than answers can be under way at once.
const connections = 64

// turn is what clients saw in one stretch of load.
type turn struct {
	requests, failed int
	took             []time.Duration
	p50, p99         time.Duration
	first            string // what failed first
}

func (t *turn) add(more turn) {
	t.requests += more.requests
	t.failed += more.failed
	t.took = append(t.took, more.took...)
	if t.first == "" {
		t.first = more.first
	}
}

// done is the turn with its quantiles.
func (t turn) done() turn {
	slices.Sort(t.took)
	n := len(t.took)
	t.p50, t.p99, t.took = t.took[n/2], t.took[min(n-1, n*99/100)], nil
	return t
}

var lastID atomic.Uint64

// users are the clients of one proxy. They keep their connections from one turn
// to the next: a turn that began with dialling all of them would measure that.
type users struct {
	senders [connections]sender
}

func newUsers(address string) *users {
	u := &users{}
	for i := range u.senders {
		u.senders[i].address = address
	}
	return u
}

func (u *users) close() {
	for i := range u.senders {
		u.senders[i].close()
	}
}

// load sends rate requests per second for a while, each when it is due, and
// checks every answer.
func (u *users) load(ctx context.Context, rate int, seconds float64) (turn, error) {
	n := int(float64(rate) * seconds)
	took, why := make([]time.Duration, n), make([]error, n)
	due := make(chan int, n)
	began := time.Now()
	at := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second / time.Duration(rate)) }
	var clients sync.WaitGroup
	for c := range u.senders {
		clients.Go(func() {
			for i := range due {
				why[i] = u.senders[c].ask(lastID.Add(1))
				took[i] = time.Since(at(i))
			}
		})
	}
	for i := range n {
		time.Sleep(time.Until(at(i)))
		if ctx.Err() != nil {
			break
		}
		due <- i
	}
	close(due)
	clients.Wait()
	if err := ctx.Err(); err != nil {
		return turn{}, err
	}
	t := turn{requests: n, took: took}
	for i, err := range why {
		if err != nil {
			if t.failed++; t.failed == 1 {
				t.first = fmt.Sprintf("request %d: %v", i, err)
			}
		}
	}
	return t, nil
}

// sender is one client's connection.
type sender struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

func (s *sender) close() {
	if s.conn != nil {
		_ = s.conn.Close() // done with it
		s.conn = nil
	}
}

// ask sends one request; the answer has to be to it.
func (s *sender) ask(n uint64) (err error) {
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.conn == nil {
		if s.conn, err = net.DialTimeout("tcp", s.address, 5*time.Second); err != nil {
			return err
		}
		s.reader = bufio.NewReader(s.conn)
	}
	id := "load-" + strconv.FormatUint(n, 10)
	if err := s.conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	const body = `{"features":[[0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8]]}`
	_, err = fmt.Fprintf(s.conn, "POST /predict HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nX-Request-Id: %s\r\nContent-Length: %d\r\n\r\n%s", s.address, id, len(body), body)
	if err != nil {
		return err
	}
	res, err := http.ReadResponse(s.reader, nil)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(res.Body)
	if err := res.Body.Close(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || !strings.Contains(string(answer), strconv.Quote(id)) {
		return fmt.Errorf("status %d: %.200s", res.StatusCode, answer)
	}
	if res.Close {
		s.close()
	}
	return nil
}

// medianRatio is the median over the pairs of with ÷ without.
func medianRatio(without, with []turn, of func(turn) time.Duration) float64 {
	var ratios []float64
	for i := range without {
		ratios = append(ratios, float64(of(with[i]))/float64(of(without[i])))
	}
	slices.Sort(ratios)
	return (ratios[(len(ratios)-1)/2] + ratios[len(ratios)/2]) / 2
}
