package freeport

import (
	"net"
	"testing"
)

func TestPortsAreFreeAndGivenOnce(t *testing.T) {
	seen := map[int]bool{}
	for range 100 {
		port, err := Take()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port < first || port >= first+count {
			t.Fatalf("port %d", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", Address(port))
		if err != nil {
			t.Fatal(err)
		}
		if lock, err := net.ListenPacket("udp", Address(port)); err == nil {
			_ = lock.Close()
			t.Fatal("another process could take it")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
