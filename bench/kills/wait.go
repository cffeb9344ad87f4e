package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// ports given away by this process.
var ports sync.Map

// freePort is below the ports that outgoing connections use, so that it stays
// free while nobody listens on it.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := 20000 + rand.IntN(10000)
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}

// poll asks every interval until ok, an error, or the limit.
func poll(ctx context.Context, limit, every time.Duration, ok func() (bool, error)) error {
	end := time.Now().Add(limit)
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %s", limit)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}

// tailOf is the end of a log, for error messages.
func tailOf(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}
