package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// A name that cannot be looked up for a while keeps its last good addresses.
func TestNamesFlap(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	d, err := newDialer(net.JoinHostPort("backend.test", port), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var answer []netip.Addr
	lookups := 0
	d.lookup = func(context.Context, string) ([]netip.Addr, error) {
		lookups++
		if answer == nil {
			return nil, errors.New("no such host")
		}
		return answer, nil
	}
	dial := func() error {
		conn, err := d.dial(t.Context(), time.Time{})
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	if err := dial(); err == nil {
		t.Fatal("dialled an unknown name")
	}
	answer = []netip.Addr{netip.MustParseAddr("127.255.255.254"), netip.MustParseAddr("127.0.0.1")}
	for range 3 {
		if err := dial(); err != nil {
			t.Fatal(err)
		}
	}
	if lookups != 2 {
		t.Errorf("%d look-ups", lookups)
	}
	answer = nil
	d.flush()
	if err := dial(); err != nil || lookups != 3 {
		t.Errorf("the last good address was given up: %v, %d look-ups", err, lookups)
	}
}
