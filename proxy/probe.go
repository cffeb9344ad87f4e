package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/tidwall/gjson"
)

// healthLimit bounds a health answer, in bytes.
const healthLimit = 256 << 10

// probe asks one upstream for its health and the version it serves, each time
// on a new connection: that is what a user's request may need.
type probe struct {
	url, address string
	from         *VersionFrom
	dialer       *dialer
	timeout      time.Duration
	wake         chan struct{}

	mu       sync.Mutex
	state    UpstreamHealth
	failures int // in a row
}

func newProbe(url, address string, from *VersionFrom, d *dialer, s UpstreamConfig) *probe {
	return &probe{
		url: url, address: address, from: from, dialer: d, timeout: s.Probe,
		wake: make(chan struct{}, 1), state: UpstreamHealth{URL: url},
	}
}

// run probes until ctx ends; after is called behind every probe.
func (p *probe) run(ctx context.Context, interval func() time.Duration, after func(now time.Time)) {
	for {
		began := time.Now()
		version, err := p.once(ctx)
		if ctx.Err() != nil {
			return
		}
		now := time.Now()
		p.take(version, err, now)
		after(now)
		timer := time.NewTimer(max(interval()-now.Sub(began), interval()/5))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-p.wake:
			timer.Stop()
		}
	}
}

// hurry lets the next probe begin now.
func (p *probe) hurry() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *probe) take(version string, err error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.At = now
	if err != nil {
		p.failures++
		p.state.Err = err.Error()
		p.state.Up = p.state.Up && p.failures < breakerProbes
		return
	}
	p.failures = 0
	p.state.Err, p.state.Up, p.state.Version = "", true, version
}

// down: two probes in a row have failed. Before the first nothing is known,
// and requests may try.
func (p *probe) down() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures >= breakerProbes
}

// passed: the last probe has passed.
func (p *probe) passed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures == 0 && !p.state.At.IsZero()
}

func (p *probe) health() UpstreamHealth {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// once probes: a connection that opens, and where a path is configured, a
// successful answer that holds a version.
func (p *probe) once(ctx context.Context) (version string, err error) {
	deadline := time.Now().Add(p.timeout)
	conn, err := p.dialer.dial(ctx, deadline)
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		_ = conn.Close()
	}()
	if p.from == nil {
		return "", nil
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return "", fmt.Errorf("ask for health: %w", err)
	}
	body, err := p.ask(conn)
	if err != nil {
		return "", fmt.Errorf("ask for health: %w", err)
	}
	return versionIn(body, p.from.Field)
}

func (p *probe) ask(conn net.Conn) ([]byte, error) {
	request := "GET " + p.from.Path + " HTTP/1.1\r\nHost: " + p.address + "\r\nUser-Agent: headgate-probe\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, int(DefaultAnswerHead))
	var head answerHead
	if err := head.read(r, false); err != nil {
		return nil, err
	}
	if _, err := r.Discard(head.size); err != nil {
		return nil, err
	}
	if head.status/100 != 2 {
		return nil, errors.New("status " + strconv.Itoa(head.status))
	}
	body, whole := newAnswerBody(r, head.length, nil), []byte(nil)
	for {
		piece, err := body.next()
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return nil, err
		}
		if whole = append(whole, piece...); len(whole) > healthLimit {
			return nil, fmt.Errorf("the answer is longer than %d bytes", healthLimit)
		}
	}
}

// versionIn finds the version in a health answer: a string or a number, which
// counts as it is written.
func versionIn(body []byte, path string) (string, error) {
	if !gjson.ValidBytes(body) {
		return "", errors.New("the health answer is not JSON")
	}
	switch v := gjson.GetBytes(body, path); v.Type {
	case gjson.String:
		if v.Str != "" {
			return v.Str, nil
		}
	case gjson.Number:
		return v.Raw, nil
	case gjson.Null, gjson.False, gjson.True, gjson.JSON:
	}
	return "", fmt.Errorf("the health answer has no version in %q", path)
}
