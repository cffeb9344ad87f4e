//go:build unix

package proxy

import (
	"errors"
	"syscall"
)

// socketState is what a look at a socket shows, without reading from it.
type socketState uint8

const (
	socketQuiet    socketState = iota // open, nothing to read
	socketReadable                    // bytes are waiting
	socketEnded                       // closed or reset by the other side
)

// socketOf looks at a socket without waiting.
func socketOf(raw syscall.RawConn) socketState {
	if raw == nil {
		return socketQuiet
	}
	state := socketEnded
	if err := raw.Control(func(fd uintptr) { state = peek(int(fd)) }); err != nil {
		return socketEnded
	}
	return state
}

func peek(fd int) socketState {
	var b [1]byte
	for {
		n, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return socketQuiet
		case err == nil && n > 0:
			return socketReadable
		default:
			return socketEnded
		}
	}
}
