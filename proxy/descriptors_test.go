//go:build linux

package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Without file descriptors nothing can be accepted; with them again every
// client that waits is served, within two seconds.
func TestOutOfDescriptors(t *testing.T) {
	backend := startBackend(t, says("ok"))
	c := oneRoute(backend, "")
	c.Listen = "127.0.0.1:0"
	p, err := New(c, Options{Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first probe", func() bool { return p.Health(model).Baseline.Up == 1 })
	var clients []net.Conn
	for range 20 { // they wait in the listener's queue
		conn, err := net.Dial("tcp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, conn)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	few := before
	few.Cur = uint64(len(open) + 4)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve() }()
	eventually(t, "accepting fails", func() bool { return counted(t, p.metrics.accept) >= 3 })
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(2 * time.Second)
	for i, conn := range clients {
		_ = conn.SetDeadline(until)
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		if line, err := bufio.NewReader(conn).ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
			t.Errorf("client %d: %q, %v", i, line, err)
		}
		_ = conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}
