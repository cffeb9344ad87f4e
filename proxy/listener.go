package proxy

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Back-off after an accept that fails, mostly for want of file descriptors.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = 500 * time.Millisecond
)

// accept gives each connection a goroutine. It goes on until the listener's
// deadline, closes it, and is only slowed down by other errors.
func (p *Proxy) accept(l *net.TCPListener) {
	defer func() { _ = l.Close() }() // nothing more is accepted, error or not
	pause := time.Duration(0)
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			p.clients.add(newClient(p, conn), p.serveClient)
		case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed):
			return
		default:
			p.metrics.accept.Inc()
			if pause == 0 {
				p.log.Warn("cannot accept connections", "error", err)
			}
			pause = min(max(2*pause, acceptPauseMin), acceptPauseMax)
			time.Sleep(pause)
		}
	}
}

// backlogTime is how long connections that the kernel has completed already
// are still taken when a listener closes: they would be reset.
const backlogTime = 20 * time.Millisecond

// closeListener ends an accept loop, or a listener that has none.
func closeListener(l *net.TCPListener, serving bool) {
	if !serving || l.SetDeadline(time.Now().Add(backlogTime)) != nil {
		_ = l.Close() // nothing more is accepted, error or not
	}
}

// listen binds an address.
func listen(address string) (*net.TCPListener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for traffic: %w", err)
	}
	return l.(*net.TCPListener), nil
}

// clients are the open connections. The lock is taken when one opens or
// closes, never for a request.
type clients struct {
	mu   sync.Mutex
	open map[*client]struct{}
	none sync.WaitGroup
}

func (s *clients) add(c *client, serve func(*client)) {
	s.mu.Lock()
	s.open[c] = struct{}{}
	s.mu.Unlock()
	s.none.Go(func() {
		defer s.remove(c)
		serve(c)
	})
}

func (s *clients) remove(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

func (s *clients) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// each calls f for every connection, with the lock held.
func (s *clients) each(f func(*client)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		f(c)
	}
}
