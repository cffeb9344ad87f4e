package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

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
