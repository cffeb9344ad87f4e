package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/headgate/headgate/internal/admin"
)

// Recording is one recorded rollout.
type Recording = admin.Recording

// RecordingsOf chooses recordings.
type RecordingsOf = admin.RecordingsOf

// maxRecording bounds what is read of one recording, in bytes.
const maxRecording = 4 << 30

// Recordings lists the rollouts that can be replayed, the oldest first.
func (c *Client) Recordings(ctx context.Context, o RecordingsOf) (list []Recording, err error) {
	query := url.Values{}
	for name, at := range map[string]time.Time{"from": o.From, "to": o.To} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	if o.Model != "" {
		query.Set("model", o.Model)
	}
	err = c.get(ctx, &list, query, "api", "v1", "evidence")
	return list, err
}

// Recording reads one as it comes. It may take longer than other answers, and
// ends with ctx.
func (c *Client) Recording(ctx context.Context, model, id string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address(nil, []string{"api", "v1", "evidence", model, id}), nil)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	r.Header.Set("Accept", "application/x-ndjson")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	patient := *c.http
	patient.Timeout = 0
	answer, err := patient.Do(r)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); answer.StatusCode != http.StatusOK || kind != "application/x-ndjson" {
		defer func() { _ = answer.Body.Close() }() // only read
		var none struct{}
		if err := c.read(answer, &none); err != nil {
			return nil, err
		}
		return nil, errors.New("the server answered with something else than a recording")
	}
	return body{io.LimitReader(answer.Body, maxRecording), answer.Body}, nil
}

type body struct {
	io.Reader
	io.Closer
}
