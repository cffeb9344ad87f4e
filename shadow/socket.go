//go:build unix

package shadow

import (
	"errors"
	"syscall"
)

// quiet says whether a connection is open with nothing to read: what was
// closed, or holds bytes that nobody asked for, is not used again.
func quiet(raw syscall.RawConn) bool {
	if raw == nil {
		return true
	}
	is := false
	err := raw.Control(func(fd uintptr) {
		var b [1]byte
		for {
			_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			is = errors.Is(err, syscall.EAGAIN)
			return
		}
	})
	return err == nil && is
}

// smallReceiveBuffer is set before the connection is made, so that the window
// is never larger.
func smallReceiveBuffer(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		// Without it the kernel buffers more; nothing else changes.
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, receiveBuffer)
	})
}
