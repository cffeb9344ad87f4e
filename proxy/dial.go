package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// resolvedFor is how long looked-up addresses are used before the name is
// looked up again; the last good ones stay while the look-up fails.
const resolvedFor = 10 * time.Second

// dialer opens connections to one host and port.
type dialer struct {
	host, port string
	timeout    time.Duration
	lookup     func(ctx context.Context, host string) ([]netip.Addr, error)

	mu      sync.Mutex
	addrs   []netip.Addr
	renewAt time.Time
}

func newDialer(address string, timeout time.Duration) (*dialer, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("upstream address: %w", err)
	}
	lookup := func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}
	return &dialer{host: host, port: port, timeout: timeout, lookup: lookup}, nil
}

// dial tries every address of the host until one answers.
func (d *dialer) dial(ctx context.Context, deadline time.Time) (net.Conn, error) {
	if latest := time.Now().Add(d.timeout); deadline.IsZero() || latest.Before(deadline) {
		deadline = latest
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	addrs, err := d.resolve(ctx)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, addr := range addrs {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(addr.String(), d.port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("connect to upstream: %w", errors.Join(errs...))
}

func (d *dialer) resolve(ctx context.Context) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(d.host); err == nil {
		return []netip.Addr{addr}, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if now.Before(d.renewAt) {
		return d.addrs, nil
	}
	addrs, err := d.lookup(ctx, d.host)
	switch {
	case err == nil && len(addrs) > 0:
		d.addrs, d.renewAt = addrs, now.Add(resolvedFor)
	case len(d.addrs) == 0:
		return nil, fmt.Errorf("look up upstream %q: %w", d.host, err)
	default:
		d.renewAt = now.Add(time.Second)
	}
	return d.addrs, nil
}

// flush looks the name up again at the next dial, and keeps the last good
// addresses in case that fails.
func (d *dialer) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.renewAt = time.Time{}
}
