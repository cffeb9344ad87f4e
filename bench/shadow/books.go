package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// books are the mirror's counters as its metrics show them.
type books struct {
	offered, sent    uint64
	dropped, failed  map[string]uint64
	pairs            map[string]uint64
	droppedN, failN  uint64
	bytes            uint64
	answered, closed bool // every copy that was sent has ended; nothing is missing
}

// settle waits until no copy is on its way and reads the books.
func (g *gate) settle(ctx context.Context) (b books, err error) {
	for range 300 {
		if b, err = g.books(ctx); err != nil {
			return b, err
		}
		if b.closed && b.answered {
			return b, nil
		}
		select {
		case <-ctx.Done():
			return b, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return b, nil // said in the table
}

func (g *gate) books(ctx context.Context) (books, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.metrics, http.NoBody)
	if err != nil {
		return books{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return books{}, err
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return books{}, err
	}
	return readBooks(string(text))
}

// readBooks sums the counters over the routes.
func readBooks(text string) (books, error) {
	b := books{dropped: map[string]uint64{}, failed: map[string]uint64{}, pairs: map[string]uint64{}}
	found := false
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), "{")
		labels, number, ok2 := strings.Cut(rest, "} ")
		if !ok || !ok2 || !strings.HasPrefix(name, "headgate_shadow_") {
			continue
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return b, fmt.Errorf("metric %q: %w", line, err)
		}
		n := uint64(v)
		found = true
		switch strings.TrimPrefix(name, "headgate_shadow_") {
		case "offered_total":
			b.offered += n
		case "sent_total":
			b.sent += n
		case "bytes":
			b.bytes += n
		case "dropped_total":
			b.dropped[label(labels, "reason")] += n
			b.droppedN += n
		case "failed_total":
			b.failed[label(labels, "kind")] += n
			b.failN += n
		case "pairs_total":
			b.pairs[label(labels, "result")] += n
		}
	}
	if !found {
		return b, errors.New("the metrics have no headgate_shadow_ series")
	}
	b.closed = b.offered == b.sent+b.droppedN
	b.answered = b.sent == b.failN+total(b.pairs)
	return b, nil
}

func label(labels, name string) string {
	_, rest, _ := strings.Cut(labels, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func total(by map[string]uint64) (n uint64) {
	for _, v := range by {
		n += v
	}
	return n
}
