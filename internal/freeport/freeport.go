// Package freeport finds TCP ports of 127.0.0.1 for programs that tests and
// benchmarks start, and for addresses at which nobody is to listen.
//
// Listening on port 0 and letting the port go is not enough: the kernel gives it
// to the next listener or outgoing connection of any process, and a server that
// takes ten seconds to start finds it taken, or somebody else is taken for it.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The ports lie below those that systems give out by themselves: 32768 and up
// on Linux, 49152 and up elsewhere.
const first, count = 20000, 10000

// held keeps every port's UDP twin, which is the lock: no other test binary can
// take it while this process lives.
var held struct {
	sync.Mutex
	locks []net.PacketConn
}

// Take returns a port that nobody listens on. Nobody else who asks this package
// is given it as long as this process lives, so that a server can also be
// stopped and started again at the same port.
func Take() (int, error) {
	for range 200 {
		port := first + rand.IntN(count)
		address := Address(port)
		lock, err := net.ListenPacket("udp", address)
		if err != nil {
			continue // another process holds it
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			_ = lock.Close() // nothing was sent
			continue
		}
		if err := l.Close(); err != nil {
			return 0, errors.Join(err, lock.Close())
		}
		held.Lock()
		held.locks = append(held.locks, lock)
		held.Unlock()
		return port, nil
	}
	return 0, errors.New("no free port found among 20000 to 29999 in 200 tries")
}

// Address is the port on the loopback interface, as host:port.
func Address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// TakeAddress is the address of a port that Take found.
func TakeAddress() (string, error) {
	port, err := Take()
	return Address(port), err
}
